"""``motcua run``: one service, or the page, in the foreground."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

from deploy.local.stack.city import PROCESSES, module_of
from services.runtime import run


def run_service(
    service: Annotated[str, typer.Argument(help=f"One of {', '.join(PROCESSES)}.")],
) -> None:
    """Run one service, or the page, in the foreground, told by its MOTCUA_ environment variables.

    Example: `motcua run sla`
    """
    if service not in PROCESSES:
        raise typer.BadParameter(
            f"there is no service {service!r}; there are {', '.join(PROCESSES)}"
        )
    raise typer.Exit(run(import_module(f"{module_of(service)}.__main__").SERVICE))
