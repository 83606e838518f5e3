"""Write the OpenAPI document of each service and of the page, or say which are out of step.

``python -m motcua.openapi`` writes them beside the services; with ``--check`` it only compares.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from contracts.tooling.generate import rendered
from deploy.local.stack.city import PROCESSES, module_of
from services.runtime import Service, Settings, app_of, client, configure, make_running

ROOT = Path(__file__).parents[1] / "services"


async def _document(name: str) -> dict[str, Any]:
    """Return one process's OpenAPI document, without connecting to anything."""
    service: Service[Settings] = import_module(f"{module_of(name)}.__main__").SERVICE
    mongo = client("mongodb://127.0.0.1:1")

    async def nobody() -> Any:
        raise AssertionError("no one asks while a document is made")

    running = make_running(service, service.settings(trial=True), mongo)
    app, _ = app_of(service, running, nobody, nobody)
    made: dict[str, Any] = app.openapi()
    mongo.close()
    return made


@cache
def files() -> dict[str, str]:
    """Return every document's text, by its path below `services`."""
    return {path_of(name): rendered(asyncio.run(_document(name))) for name in PROCESSES}


def path_of(name: str) -> str:
    """Return the path of a document below `services`: it lies beside what serves the routes."""
    return f"{module_of(name).replace('.', '/').removeprefix('services/')}/openapi.json"


def write(root: Path = ROOT) -> list[str]:
    """Write the documents that differ; return their paths."""
    changed = drift(root)
    for path, text in changed.items():
        (root / path).write_text(text, encoding="utf-8")
    return list(changed)


def drift(root: Path = ROOT) -> dict[str, str]:
    """Return the right text of documents that are missing or out of step with the routes."""
    return {
        path: text
        for path, text in files().items()
        if not (root / path).exists() or (root / path).read_text(encoding="utf-8") != text
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    configure("openapi", level="ERROR", as_json=False)
    parser = argparse.ArgumentParser(prog="python -m motcua.openapi", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare and write nothing")
    if parser.parse_args(argv).check:
        complaints = drift()
        remedy = "out of step with its routes: run `make contracts` and commit what it writes"
        sys.stderr.writelines(f"services/{path}: {remedy}\n" for path in complaints)
        return 1 if complaints else 0
    sys.stdout.writelines(f"wrote services/{path}\n" for path in write())
    return 0


if __name__ == "__main__":
    sys.exit(main())
