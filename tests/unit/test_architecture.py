"""Arrows between packages point one way, and rooms within a service have no circle."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from contracts.wire.topics import SERVICES

ROOT = Path(__file__).parents[2]
RUNTIME, SHARED, TESTING = "services.runtime", "services.shared", "services.runtime.testing"
PACKAGES = ("contracts", "services", "motcua", "deploy")
ALLOWED = {
    "contracts": set[str](),
    "deploy": {"contracts", RUNTIME},
    RUNTIME: {"contracts"},
    SHARED: {"contracts", RUNTIME},
    **{f"services.{name}": {"contracts", RUNTIME, SHARED} for name in SERVICES},
}
"""What each package may import beside itself. The command line may import everything."""


def package_of(module: str) -> str:
    """The package that a module belongs to: a service, or a top folder."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "services" else parts[0]


@cache
def modules() -> dict[str, Path]:
    """Every module of the product, and its file."""
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports_of(module: str) -> frozenset[str]:
    """The product's modules that a module imports, wherever in it."""
    return frozenset(_imports(ast.parse(modules()[module].read_text(encoding="utf-8"))))


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written out in full"
            named = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in modules() else str(node.module) for name in named]
        else:
            continue
        yield from (name for name in names if name.partition(".")[0] in PACKAGES)


def arrows() -> Iterator[tuple[str, str]]:
    """Every import of one of the product's modules by another."""
    for module in modules():
        for imported in imports_of(module):
            yield module, imported


def test_the_imports_are_found() -> None:
    assert "contracts.wire.envelope" in imports_of("services.runtime.core.handle")
    assert RUNTIME in imports_of("services.sla.__main__")
    assert len(modules()) > 300


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    allowed = ALLOWED[package] | {package}
    wrong = [
        f"{module} -> {imported}"
        for module, imported in arrows()
        if package_of(module) == package and package_of(imported) not in allowed
    ]
    assert wrong == []


def test_the_runtime_has_one_door() -> None:
    inside = (f"{RUNTIME}.", f"{RUNTIME}.cli", TESTING)
    wrong = [
        f"{module} -> {imported}"
        for module, imported in arrows()
        if package_of(module) != RUNTIME
        and imported.startswith(inside[0])
        and not imported.startswith(inside[1:])
    ]
    assert wrong == []


def test_nothing_that_runs_needs_what_tests_are_made_with() -> None:
    tools = (TESTING, "motcua.testing")
    wrong = [f"{a} -> {b}" for a, b in arrows() if b.startswith(tools) and not a.startswith(tools)]
    assert wrong == []


@pytest.mark.parametrize("service", [*SERVICES, "runtime", "shared"])
def test_the_rooms_of_a_service_have_no_circle(service: str) -> None:
    package = f"services.{service}"
    rooms: dict[str, set[str]] = {}
    for module, imported in arrows():
        here, there = _room(package, module), _room(package, imported)
        if here and there and here != there:
            rooms.setdefault(here, set()).add(there)
    try:
        TopologicalSorter(rooms).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of rooms in {package}: {' <- '.join(error.args[1])}")


def _room(package: str, module: str) -> str | None:
    """The folder or the file of the package that a module is in; None for the package itself."""
    inner = module.removeprefix(f"{package}.")
    return None if inner == module else inner.partition(".")[0]


@pytest.mark.parametrize("decider", ["intake.decider", "sla.deciding.decider", "notify.deciders"])
def test_a_decider_is_imported_without_framework_and_drivers(decider: str) -> None:
    heavy = {"fastapi", "faststream", "aiokafka", "motor", "pymongo", "uvicorn"}
    program = f"import sys, services.{decider}; print(*{heavy!r} & sys.modules.keys())"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_the_door_has_what_it_names_and_nothing_else() -> None:
    program = (
        "import services.runtime as door; assert door._HOMES\n"
        "for name in door._HOMES: getattr(door, name)\n"
        "try: door.nothing\n"
        "except AttributeError: print('closed')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "closed\n"
