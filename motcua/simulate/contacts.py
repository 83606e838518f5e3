"""The made-up addresses of a simulated city's people, and how they reach the city: sealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.values import Locale
from contracts.wire.envelope import Event
from services.intake.contact import Contact, contact_event
from services.shared.citizen_keys import CitizenKeys
from services.shared.person import Person

_TOGETHER = 1_000


@dataclass(frozen=True)
class PlannedContact:
    """A citizen's contact data, told when they file, or an officer's, told before."""

    whose: Person
    contact: Contact
    locale: Locale
    time: datetime
    cause: str
    dossier: str | None = None
    """The dossier that a citizen left it with."""


async def sealed_contacts(keys: CitizenKeys, planned: Sequence[PlannedContact]) -> list[Event]:
    """Return the events that tell of the contacts, each sealed under its citizen's own key."""
    events: list[Event] = []
    for at in range(0, len(planned), _TOGETHER):
        some = planned[at : at + _TOGETHER]
        sealed = await keys.seal_many(
            [(p.whose.subject, p.contact.plain()) for p in some], some[0].time
        )
        events += [
            contact_event(p.whose, each, p.locale, p.time, p.cause, dossier=p.dossier)
            for p, each in zip(some, sealed, strict=True)
        ]
    return events
