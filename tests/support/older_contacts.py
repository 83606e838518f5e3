"""Contact data as it was taken in before there were namespaces: under a bare reference."""

from __future__ import annotations

from datetime import datetime

from contracts.events.contacts import ContactRegistered
from contracts.wire.envelope import Event, derive_id
from services.intake.contact import Contact
from services.shared.citizen_keys import CitizenKeys


async def older_contact(keys: CitizenKeys, who: str, contact: Contact, time: datetime) -> Event:
    """The record that such a release wrote of a citizen, or of an officer."""
    sealed = await keys.seal(who, contact.plain(), time)
    return Event(
        id=derive_id("contact", who, time.isoformat()),
        source="/motcua/intake",
        subject=who,
        time=time,
        data=ContactRegistered(key_id=sealed.key_id, sealed=sealed.text),
    )
