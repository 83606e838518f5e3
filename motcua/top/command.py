"""``motcua top``: a running city at a glance, once a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from motcua.top.address import DEFAULT, Address, address
from motcua.top.view import view
from motcua.top.watch import Watch

console = Console()


def top(
    addresses: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ADDRESS",
            envvar="MOTCUA_ADDRESSES",
            help="Where the instances serve HTTP: HOST:PORT or http://HOST:PORT. Default: "
            "127.0.0.1:8001 to 8004, where the demo and the Compose file serve.",
            show_default=False,
        ),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Show one picture, since each service's start, and end.")
    ] = False,
    every: Annotated[
        float, typer.Option(metavar="SECONDS", help="The time between two pictures.", min=0.2)
    ] = 1.0,
) -> None:
    """Show what every service does, live, from its metrics. Ends with Ctrl-C.

    With `--once`, and where the output is no terminal, it shows one picture and ends with 1 if a
    service is away.

    Example: `motcua top 10.0.0.5:8000 10.0.0.6:8000`
    """
    try:
        watched = [address(each) for each in addresses] if addresses else DEFAULT
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="ADDRESS") from error
    if once or not console.is_terminal:
        raise typer.Exit(asyncio.run(_once(watched)))
    try:
        asyncio.run(_forever(watched, every))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


async def _once(addresses: Sequence[Address]) -> int:
    async with Watch(addresses) as watch:
        seen = await watch.look()
    console.print(view(seen))
    return 1 if any(each.change is None for each in seen) else 0


async def _forever(addresses: Sequence[Address], every: float) -> None:
    async with Watch(addresses) as watch:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                began = time.monotonic()
                live.update(view(await watch.look()), refresh=True)
                await asyncio.sleep(max(0.0, began + every - time.monotonic()))
