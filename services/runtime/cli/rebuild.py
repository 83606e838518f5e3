"""``motcua rebuild``: a service's states, folded anew from the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from contracts.wire.topics import SERVICES
from services.runtime.loop.rebuild import Comparison, Rebuild, StillRunning
from services.runtime.mongo.client import client
from services.runtime.record_keys import check_complete, record_keys
from services.runtime.service import Service

console = Console()

_SHOWN = 20


def rebuild(
    service: Annotated[str, typer.Argument(help=f"One of {', '.join(SERVICES)}.")],
    check: Annotated[
        bool, typer.Option("--check", help="Only compare with the live states; change nothing.")
    ] = False,
) -> None:
    """Fold a service's recorded facts anew, from the log alone, and put the states in place.

    Stop the service first. Nothing is published; until the end the live states are untouched. A
    rebuild that was stopped goes on where it was. It is also the way out when a service says that
    its database is older than what it has committed: a backup was restored. Ends with 1 where
    `--check` finds a difference, or where a record could not be folded.

    Example: `motcua rebuild sla --check`
    """
    if service not in SERVICES:
        raise typer.BadParameter(
            f"there is no service {service!r}; there are {', '.join(SERVICES)}"
        )
    made: Service[Any] = import_module(f"services.{service}.__main__").SERVICE
    try:
        same = asyncio.run(_rebuild(made, check=check))
    except StillRunning as error:
        console.print(Text(str(error), style="red"))
        raise typer.Exit(1) from error
    except (KafkaError, PyMongoError) as error:
        console.print(Text(f"broker or database do not answer: {error!r}", style="red"))
        raise typer.Exit(1) from error
    if not same:
        raise typer.Exit(1)


async def _rebuild(service: Service[Any], *, check: bool) -> bool:
    settings = service.settings()
    check_complete(record_keys(settings))  # else what others have signed would be left out
    mongo = client(settings.mongo)
    good = True
    try:
        for decider in service.deciders(settings):
            work = Rebuild(decider, mongo[f"motcua_{service.name}"], settings)
            await work.check_stopped()
            if check:
                await work.discard()
            began = time.monotonic()
            read = await _folded(work, f"{service.name} {decider.collection}")
            took = time.monotonic() - began
            rate = read / took if took > 0 else 0.0
            console.print(
                f"{decider.collection}: {read:,} records in {took:.1f} s, {rate:,.0f} a second",
                highlight=False,
            )
            _say_failed(work.failed)
            found = await work.compare()
            _say(found)
            if check:
                await work.discard()
                good = good and bool(found) and not work.failed
            else:
                await work.swap()
                good = good and not work.failed
    finally:
        mongo.close()
    return good


async def _folded(work: Rebuild[Any], what: str) -> int:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task(what, total=None)
        return await work.fold(lambda done, all_: shown.update(task, completed=done, total=all_))


def _say(found: Comparison) -> None:
    console.print(
        f"  {found.equal:,} states equal the live ones, {len(found.differing):,} differ, "
        f"{len(found.missing):,} are missing, {len(found.added):,} are new",
        highlight=False,
    )
    _listed(found.lines())


def _say_failed(failed: Sequence[tuple[str, str]]) -> None:
    if failed:
        console.print(Text(f"  {len(failed):,} records could not be folded", style="red"))
        _listed([f"{place}: {why}" for place, why in failed])


def _listed(lines: Sequence[str]) -> None:
    for line in lines[:_SHOWN]:
        console.print(Text(f"    {line}"), overflow="ellipsis", no_wrap=True)
    if len(lines) > _SHOWN:
        console.print(f"    and {len(lines) - _SHOWN:,} more")
