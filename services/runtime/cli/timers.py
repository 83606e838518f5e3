"""``motcua timers``: what a service should have fired and did not, and how it is woken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Annotated, Any

import typer
from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError
from rich.console import Console
from rich.text import Text

from contracts.values import rfc3339
from contracts.wire.topics import SERVICES
from services.runtime.kafka.offsets import Offsets
from services.runtime.loop.unwatched import Found, Unwatched
from services.runtime.mongo.client import client
from services.runtime.service import Service

app = typer.Typer(
    help="Timers that nobody watches: in partitions that no instance has, or passed long ago.",
    no_args_is_help=True,
)
console = Console()

_SHOWN = 20

Name = Annotated[str, typer.Argument(help=f"One of {', '.join(SERVICES)}.")]
Minutes = Annotated[
    float, typer.Option(min=0, help="How long a timer may have passed and not be fired.")
]
All = Annotated[
    bool,
    typer.Option(
        "--all", help="Read every state that is said to wait for nothing, too. Takes a while."
    ),
]

Dossiers = Annotated[
    list[str] | None, typer.Option(help="Only this one, whatever it waits for. May be repeated.")
]


@app.command("list")
def list_timers(service: Name, minutes: Minutes = 15, every: All = False) -> None:
    """Show what nobody watches; end with 1 if there is anything.

    A live city's: in a stream, time is what its ticks say.

    Example: `motcua timers list sla`
    """
    _run(_list(_service(service), timedelta(minutes=minutes), every=every))


@app.command("wake")
def wake(
    service: Name,
    minutes: Minutes = 15,
    every: All = False,
    dossier: Dossiers = None,
) -> None:
    """Have what is late looked at again by the instance that has its partition.

    Nothing is said twice by it: the service decides what is due. End with 1 if a partition has no
    instance: start one, and it fires what is due by itself.

    Example: `motcua timers wake sla --dossier H29.15-240307-0001`
    """
    made = _service(service)
    _run(_wake(made, timedelta(minutes=minutes), dossier or [], every=every))


def _service(name: str) -> Service[Any]:
    if name not in SERVICES:
        raise typer.BadParameter(f"there is no service {name!r}; there are {', '.join(SERVICES)}")
    made: Service[Any] = import_module(f"services.{name}.__main__").SERVICE
    return made


def _run(work: Any) -> None:
    try:
        good = asyncio.run(work)
    except (KafkaError, PyMongoError) as error:
        console.print(Text(f"broker or database do not answer: {error!r}", style="red"))
        raise typer.Exit(1) from error
    if not good:
        raise typer.Exit(1)


@asynccontextmanager
async def _unwatched(service: Service[Any]) -> AsyncIterator[dict[str, Unwatched[Any]]]:
    settings = service.settings()
    mongo, offsets = client(settings.mongo), Offsets(settings.kafka)
    try:
        database = mongo[f"motcua_{service.name}"]
        yield {
            decider.collection: Unwatched(decider, database, offsets)
            for decider in service.deciders(settings)
        }
    finally:
        await offsets.stop()
        mongo.close()


async def _list(service: Service[Any], patience: timedelta, *, every: bool) -> bool:
    good = True
    async with _unwatched(service) as of_collections:
        for collection, unwatched in of_collections.items():
            found = await unwatched.find(datetime.now(UTC), patience, asleep=every)
            _say(collection, found)
            good = good and not found
    return good


async def _wake(
    service: Service[Any], patience: timedelta, subjects: list[str], *, every: bool
) -> bool:
    good = True
    async with _unwatched(service) as of_collections:
        for collection, unwatched in of_collections.items():
            now = datetime.now(UTC)
            found = await unwatched.find(now, patience, asleep=every and not subjects)
            wanted = subjects or [late.subject for late in found.late]
            woken = await unwatched.wake(wanted, now)
            console.print(f"{collection}: {woken:,} woken", highlight=False)
            _say_unowned(found)
            good = good and not found.unowned
    return good


def _say(collection: str, found: Found) -> None:
    if not found:
        console.print(f"{collection}: every timer is watched")
        return
    console.print(f"{collection}:")
    _say_unowned(found)
    for late in sorted(found.late, key=lambda one: (one.due is not None, one.due))[:_SHOWN]:
        since = "nobody knows that it waits" if late.due is None else f"due {rfc3339(late.due)}"
        console.print(Text(f"  {late.subject}  partition {late.partition}  {since}"))
    if len(found.late) > _SHOWN:
        console.print(f"  and {len(found.late) - _SHOWN:,} more", highlight=False)


def _say_unowned(found: Found) -> None:
    for partition, waiting in found.unowned.items():
        what = f"  partition {partition} has no instance; {waiting:,} subjects wait in it"
        console.print(Text(what, style="red"))
