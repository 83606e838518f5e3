# Every task is one line of `make help`. On a bare machine (Linux x86-64, Python 3.11 to 3.14, make)
# each installs by itself what it needs, into this checkout.
SHELL := /bin/bash
# The newest Python that runs and can make environments: a shim of pyenv's may stand for one that is
# not chosen, and Debian's may lack its venv module. Name another with: make PYTHON=/path/to/python3
PYTHON ?= $(shell for each in python3.14 python3.13 python3.12 python3.11; do \
	$$each -c 'import ensurepip, venv' >/dev/null 2>&1 && { echo $$each; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# uv installs in seconds what takes pip a minute. It does not read pip's settings: of those it needs the index.
# Compiled at once, as pip does: else each process compiles what it imports, for itself where Python may not
# write it down (PYTHONDONTWRITEBYTECODE).
UV = index="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null)}}"; \
  $${index:+env UV_DEFAULT_INDEX="$$index"} $(BIN)/uv --quiet pip
# Test files that run at a time, each with a stack of its own where it needs one; 0: one by one. They
# wait for brokers, timers and kills more than they compute: one more than there are processors.
WORKERS ?= $(shell echo $$(($$(nproc) + 1)))
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
export PYTHONUNBUFFERED := 1
# What one process has compiled the next ones read, also where the machine would have none of it written.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install demo test test-long test-fast chaos attack simulate-engine bench lint format types contracts check up down lock clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(READY) ## Install everything into .venv, each package checked by its hash

$(READY): requirements-dev.lock pyproject.toml
	@python="$(PYTHON)"; [ -n "$$python" ] || { echo "Python 3.11 to 3.14 is needed, with its venv module (Debian: python3-venv)" >&2; exit 1; }; \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' || { echo "Python 3.11 to 3.14 is needed; $$python is another, or does not run" >&2; exit 1; }; \
	$$python -m venv --clear $(VENV) || { echo "Python's venv module is needed (Debian: python3-venv)" >&2; exit 1; }
	@echo "installing the locked packages for $$($(BIN)/python --version) (half a minute the first time)"
	@sed -n '/^uv==/,/[^\\]$$/p' requirements-dev.lock >$(VENV)/uv.lock
	@$(PIP) --no-deps --require-hashes -r $(VENV)/uv.lock
	@$(UV) sync --compile-bytecode --python $(BIN)/python --require-hashes requirements-dev.lock || \
	  { echo "uv could not: trying pip, which reads all of this machine's settings (a minute or two)"; \
	    $(PIP) --no-deps --require-hashes -r requirements-dev.lock; }
	@$(UV) install --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY) ## A city's working day, with a live view; ARGS=--keep goes on serving its pages
	@$(BIN)/motcua demo $(ARGS)

test: $(READY) ## All tests: unit, contract, integration on the real stack, a short kill test
	@$(PYTEST) $(ARGS)

test-long: $(READY) ## The same, with ten times the examples of each property, and what takes minutes
	@$(PYTEST) --hypothesis-profile=long $(ARGS)

test-fast: $(READY) ## Within a minute: what the services decide, without broker, database or browser
	@$(PYTEST) -m "not integration and not slow" tests/unit/services tests/unit/contracts $(ARGS)

chaos: $(READY) ## The long kill test: every arrow, every part, and the provider away for minutes
	@$(BIN)/python -m tests.chaos $(ARGS)

attack: $(READY) ## 10,000 who guess, 2,000 slow bodies, 5,000 open pages, odd text; others served
	@$(BIN)/python -m tests.security $(ARGS)

simulate-engine: $(READY) ## The engine over broker and database in memory, disturbed, seed by seed
	@$(BIN)/python -m tests.simulation $(ARGS)

bench: $(READY) ## Each part beside a bare baseline, compared with the committed ratios
	@$(BIN)/python -m tests.bench $(ARGS)

lint: $(READY) ## Lint, format check, strict types, contracts in step
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/python -m contracts.tooling.generate --check
	@$(BIN)/python -m motcua.openapi --check
	@$(BIN)/python -m motcua.authority --check

format: $(READY) ## Format the code
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

contracts: $(READY) ## Generate JSON Schemas, AsyncAPI and OpenAPI documents from classes and routes
	@$(BIN)/python -m contracts.tooling.generate
	@$(BIN)/python -m motcua.openapi
	@$(BIN)/python -m motcua.authority

check: lint test ## What has to pass before a change goes in

up: $(READY) ## Start Kafka, MongoDB and a mail server for this checkout
	@$(BIN)/motcua stack up

down: $(READY) ## Stop them
	@$(BIN)/motcua stack down

lock: $(READY) ## Lock the newest packages that pyproject.toml allows
	@$(BIN)/uv pip compile --quiet --generate-hashes --no-header --no-annotate --universal --python-version 3.11 -o requirements.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet --generate-hashes --no-header --no-annotate --universal --python-version 3.11 --extra local --extra dev -o requirements-dev.lock pyproject.toml

clean: ## Remove the environment and all data of the local stack
	@if [ -x $(BIN)/motcua ]; then $(BIN)/motcua stack down || true; fi
	@rm -rf $(VENV) .motcua .mypy_cache .ruff_cache .pytest_cache .hypothesis
