"""``motcua citizen``: what citizens may ask of the city about their own data."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from contracts.catalogue.load import VIETNAM
from contracts.events.contacts import ContactErased
from contracts.wire.actor import Actor, AuthType
from contracts.wire.envelope import Event, derive_id
from contracts.wire.topics import CITIZEN_CONTACTS
from services.runtime import EventProducer, Offsets, WallClock, client, group_of
from services.shared.citizen_keys import KEPT_SECONDS, CitizenKeys, Erasure
from services.shared.master_keys import KeySettings, master_keys

app = typer.Typer(help="A citizen's own data.", no_args_is_help=True)
console = Console()

Ref = Annotated[str, typer.Argument(help="The citizen's reference, or an officer's staff number.")]


@app.command("erase")
def erase(
    ref: Ref,
    reason: Annotated[str, typer.Option(help="Why; it is kept, so name nobody in it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Make every copy of a person's contact data unreadable, for good.

    Their key is deleted: what was sealed under it (on the log, in states, in backups) cannot be
    read any more. Messages that wait for them end with the reason `erased`. Copies of the key
    itself are out of reach of this: `motcua citizen erased` says which, and what closes them.

    Example: `motcua citizen erase citizen-1 --reason 'letter 12/2026'`
    """
    if not yes:
        typer.confirm(f"Erase {ref} for good?", abort=True)
    there = asyncio.run(_erase(KeySettings(), ref, reason))
    said = f"{ref}: the key is deleted" if there else f"{ref}: there was no key (any more)"
    console.print(Text(said, style="bold"))
    console.print(f"every instance has forgotten it within {KEPT_SECONDS:.0f} seconds")
    erased(ref)


@app.command("erased")
def erased(
    ref: Annotated[str | None, typer.Argument(help="One person; everyone by default.")] = None,
) -> None:
    """Say of the keys that were deleted whether a copy of one still opens.

    A deleted key may stand, wrapped, in MongoDB's oplog and journal, and in backups of
    `motcua_keys`. A copy opens with each master key that ever wrapped it. Change the master key
    (`motcua keys rotate --help`) and destroy the old one: then no copy opens any more.

    Example: `motcua citizen erased`
    """
    settings = KeySettings()
    masters = master_keys(settings).ids
    for found in asyncio.run(_erased(settings, ref)):
        opens = [master for master in found.masters if master in masters]
        said = "no copy of it opens any more: its master keys are not here"
        if opens:
            said = f"a copy of it still opens with the master key {' or '.join(opens)}"
        day = f"{found.at.astimezone(VIETNAM):%d/%m/%Y}"
        console.print(Text(f"{found.citizen}, key deleted on {day}: {said}"))


async def _erased(settings: KeySettings, ref: str | None) -> list[Erasure]:
    mongo = client(settings.mongo)
    try:
        keys = CitizenKeys(mongo, master_keys(settings))
        return [found async for found in keys.erasures(ref)]
    finally:
        mongo.close()


async def _erase(settings: KeySettings, ref: str, reason: str) -> bool:
    now = WallClock().now()
    mongo = client(settings.mongo)
    producer = EventProducer(settings.kafka)
    offsets = Offsets(settings.kafka)
    try:
        await producer.start()
        # The key first: from then on nothing opens, whatever happens to the rest.
        there = await CitizenKeys(mongo, master_keys(settings)).erase(ref, reason, now)
        erased = Event(
            id=derive_id("erased", ref, now.isoformat()),
            source="/motcua/intake/erase",
            subject=ref,
            time=now,
            data=ContactErased(reason=reason),
            actor=Actor(AuthType.USER),
            recorded=now,
        )
        await producer.publish([erased])
        group = group_of("notify", CITIZEN_CONTACTS)
        if await offsets.committed(group, CITIZEN_CONTACTS):
            with console.status("waiting for notify"):
                await _folded(offsets, group)
    finally:
        await producer.stop()
        await offsets.stop()
        mongo.close()
    return there


async def _folded(offsets: Offsets, group: str) -> None:
    pause = 0.05
    while await offsets.behind(group, CITIZEN_CONTACTS):
        await asyncio.sleep(pause)
        pause = min(pause * 2, 1.0)
