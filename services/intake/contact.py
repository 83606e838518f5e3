"""How a citizen's contact data leaves intake: sealed, as an event of its own."""

from __future__ import annotations

from datetime import datetime

import msgspec

from contracts.contacts import ContactRegistered
from contracts.envelope import Event, derive_id
from contracts.values import Locale
from services.runtime.sealing import Sealer


def contact_event(
    sealer: Sealer, citizen: str, email: str, locale: Locale, time: datetime, cause: str
) -> Event:
    """The event that tells notify, and nobody else, where the citizen can be reached."""
    plain = msgspec.json.encode({"email": email})
    return Event(
        id=derive_id("contact", citizen, cause),
        source="/motcua/intake",
        subject=citizen,
        time=time,
        data=ContactRegistered(
            key_id=sealer.key_id, sealed=sealer.seal(citizen, plain), locale=locale
        ),
        cause=cause,
    )
