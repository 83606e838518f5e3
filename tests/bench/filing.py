"""Citizens who file now, at a steady rate: what a city on the wall clock is fed with.

Each files online and is received a moment later, so that they are told three times: that it is
registered, by when it is promised, and that it is being handled.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.catalogue import load_catalogue
from contracts.events import intake, sla
from contracts.model import EventData
from contracts.values import FilingChannel, Locale
from contracts.wire.envelope import Event, derive_id
from motcua.simulate.contacts import PlannedContact, sealed_contacts
from motcua.simulate.vouched import portal, posts
from services.intake.contact import Contact
from services.runtime.kafka.producer import EventProducer
from services.runtime.mongo.client import client
from services.shared.citizen_keys import CitizenKeys
from services.shared.master_keys import KeySettings, master_keys
from services.shared.person import citizen
from tests.support import facts

TEMPLATES = frozenset({"registered", "received", "in-process"})
"""What each of them is told."""
AT_ALL_HOURS: dict[str, Any] = {"quiet_from": "00:00", "quiet_until": "00:00", "often": 1_000}
"""Settings by which what is measured does not depend on the hour of day."""
_UNIT, _PROCEDURE, _PLACE = "H29.1", "1.004873", "26740"
_WARD = "H29.101"
_DAY = "260302"


def code_of(number: int) -> str:
    """The dossier of that number."""
    return f"{_UNIT}-{_DAY}-{number:05}"


async def register_contacts(kafka: str, mongo: str, count: int) -> None:
    """Tells the city where so many citizens are reached: by SMS."""
    now = datetime.now(UTC).replace(microsecond=0)
    planned = [
        PlannedContact(
            citizen(_citizen(number)),
            Contact(phone=f"+8490{number:07}"),
            Locale.VI,
            now,
            derive_id("filing", "contact", number),
            code_of(number),
        )
        for number in range(count)
    ]
    database = client(mongo)
    events = await sealed_contacts(CitizenKeys(database, master_keys(KeySettings())), planned)
    database.close()
    producer = EventProducer(kafka)
    await producer.start()
    await producer.publish(events)
    await producer.stop()


def filed(number: int) -> list[Event]:
    """A citizen files now, and an officer receives it."""
    now = datetime.now(UTC).replace(microsecond=0)
    officer = load_catalogue().units[_UNIT].officers[0]
    filing = intake.RegistrationRequested(
        procedure=_PROCEDURE,
        channel=FilingChannel.ONLINE,
        receiving_unit=_UNIT,
        returning_unit=_UNIT,
        place=_PLACE,
        citizen=_citizen(number),
        fee=load_catalogue().procedures[_PROCEDURE].fee,  # paid online: none is demanded later
    )
    return [
        # Of the same instant, the registration would never have been the dossier's state.
        _event(number, filing, now - timedelta(seconds=1)),
        _event(number, intake.ReceptionRequested(), now, by=officer),
    ]


def promised(number: int) -> list[Event]:
    """What notify hears of a dossier that was received now, from the other services."""
    now = datetime.now(UTC).replace(microsecond=0)
    received = facts.received(_PROCEDURE, _UNIT, place=_PLACE, citizen=_citizen(number))
    routed = facts.routed(_WARD, _PROCEDURE, "short", steps=("receive-check", "decide"))
    started = facts.started(step="receive-check", unit=_WARD)
    deadline = sla.DeadlineSet(
        due=now + timedelta(days=7),
        budget=sla.Budget(amount=5, unit=sla.TimeUnit.WORKING_DAYS),
        rule="filing",
    )
    return [_event(number, data, now) for data in (received, routed, started, deadline)]


async def file_steadily(producer: EventProducer, numbers: Sequence[int], rate: float) -> None:
    """So many file each second. Raises what the broker's absence raises."""
    start = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for done, number in enumerate(numbers):
            await asyncio.sleep(max(0.0, start + done / rate - time.monotonic()))
            group.create_task(producer.publish(filed(number)))


def _citizen(number: int) -> str:
    return f"filing-{number}"


def _event(number: int, data: EventData, at: datetime, by: str | None = None) -> Event:
    event_id = derive_id("filing", code_of(number), data.TYPE)
    actor = portal(data) if by is None else posts(load_catalogue())[by]
    return Event(event_id, "/filing", code_of(number), at, data, actor=actor)
