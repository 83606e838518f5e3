"""``motcua citizen``: what citizens may ask of the city about their own data."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
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
from services.shared.person import citizen
from services.shared.person import staff as staff_member
from services.shared.references import ReferenceSettings, references

app = typer.Typer(help="A citizen's own data.", no_args_is_help=True)
console = Console()

Ref = Annotated[str, typer.Argument(help="The citizen's reference, or their identity number.")]
Staff = Annotated[bool, typer.Option("--staff", help="It is an officer's staff number.")]
Older = Annotated[
    bool,
    typer.Option("--older", help="It is a reference that was taken in before 2026-12, as it was."),
]


@app.command("erase")
def erase(
    ref: Ref,
    reason: Annotated[str, typer.Option(help="Why; it is kept, so name nobody in it.")],
    staff: Staff = False,
    older: Older = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Make every copy of a person's contact data unreadable, for good.

    Their key is deleted: what was sealed under it (on the log, in states, in backups) cannot be
    read any more. Messages that wait for them end with the reason `erased`. Copies of the key
    itself are out of reach of this: `motcua citizen erased` says which, and what closes them.

    Example: `motcua citizen erase citizen-1 --reason 'letter 12/2026'`
    """
    subjects = _subjects(ref, staff=staff, older=older)
    if not yes:
        typer.confirm(f"Erase {subjects[0]} for good?", abort=True)
    there = asyncio.run(_erase(KeySettings(), subjects, reason))
    said = "the key is deleted" if there else "there was no key (any more)"
    console.print(Text(f"{subjects[0]}: {said}", style="bold"))
    console.print(f"every instance has forgotten it within {KEPT_SECONDS:.0f} seconds")
    _say(subjects)


@app.command("erased")
def erased(
    ref: Annotated[str | None, typer.Argument(help="One person; everyone by default.")] = None,
    staff: Staff = False,
    older: Older = False,
) -> None:
    """Say of the keys that were deleted whether a copy of one still opens.

    A deleted key may stand, wrapped, in MongoDB's oplog and journal, and in backups of
    `motcua_keys`. A copy opens with each master key that ever wrapped it. Change the master key
    (`motcua keys rotate --help`) and destroy the old one: then no copy opens any more.

    Example: `motcua citizen erased`
    """
    _say((None,) if ref is None else _subjects(ref, staff=staff, older=older))


def _subjects(ref: str, *, staff: bool, older: bool) -> tuple[str, ...]:
    """Return the names of a person's keys: the last one is older than namespaces."""
    if older:
        return (ref,)
    whose = staff_member(ref) if staff else citizen(references(ReferenceSettings()).citizen(ref))
    return whose.subject, whose.ref


def _say(subjects: Sequence[str | None]) -> None:
    settings = KeySettings()
    masters = master_keys(settings).ids
    for found in asyncio.run(_erased(settings, subjects)):
        opens = [master for master in found.masters if master in masters]
        said = "no copy of it opens any more: its master keys are not here"
        if opens:
            said = f"a copy of it still opens with the master key {' or '.join(opens)}"
        day = f"{found.at.astimezone(VIETNAM):%d/%m/%Y}"
        console.print(Text(f"{found.citizen}, key deleted on {day}: {said}"))


async def _erased(settings: KeySettings, subjects: Sequence[str | None]) -> list[Erasure]:
    mongo = client(settings.mongo)
    try:
        keys = CitizenKeys(mongo, master_keys(settings))
        return [found for one in subjects async for found in keys.erasures(one)]
    finally:
        mongo.close()


async def _erase(settings: KeySettings, subjects: Sequence[str], reason: str) -> bool:
    now = WallClock().now()
    mongo = client(settings.mongo)
    producer = EventProducer(settings.kafka)
    offsets = Offsets(settings.kafka)
    try:
        await producer.start()
        # The keys first: from then on nothing opens, whatever happens to the rest.
        keys = CitizenKeys(mongo, master_keys(settings))
        there = [await keys.erase(one, reason, now) for one in subjects]
        await producer.publish([_erasure(one, reason, now) for one in subjects])
        group = group_of("notify", CITIZEN_CONTACTS)
        if await offsets.committed(group, CITIZEN_CONTACTS):
            with console.status("waiting for notify"):
                await _folded(offsets, group)
    finally:
        await producer.stop()
        await offsets.stop()
        mongo.close()
    return any(there)


def _erasure(subject: str, reason: str, now: datetime) -> Event:
    return Event(
        id=derive_id("erased", subject, now.isoformat()),
        source="/motcua/intake/erase",
        subject=subject,
        time=now,
        data=ContactErased(reason=reason),
        actor=Actor(AuthType.USER),
        recorded=now,
    )


async def _folded(offsets: Offsets, group: str) -> None:
    pause = 0.05
    while await offsets.behind(group, CITIZEN_CONTACTS):
        await asyncio.sleep(pause)
        pause = min(pause * 2, 1.0)
