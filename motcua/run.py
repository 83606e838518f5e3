"""``motcua run``: one service in the foreground."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

from contracts.wire.topics import SERVICES
from services.runtime import run


def run_service(
    service: Annotated[str, typer.Argument(help=f"One of {', '.join(SERVICES)}.")],
) -> None:
    """Run one service in the foreground, told by its MOTCUA_ environment variables.

    Example: `motcua run sla`
    """
    if service not in SERVICES:
        raise typer.BadParameter(
            f"there is no service {service!r}; there are {', '.join(SERVICES)}"
        )
    raise typer.Exit(run(import_module(f"services.{service}.__main__").SERVICE))
