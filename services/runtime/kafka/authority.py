"""Puts on the log who may act for whom: in every partition of the dossiers' topic, or in none."""

from __future__ import annotations

from contracts.events.authority import AUTHORITY_SUBJECT, AuthorityFact
from contracts.wire.actor import Actor
from contracts.wire.codec import MAX_BODY
from contracts.wire.envelope import Event, derive_id
from contracts.wire.topics import DOSSIER_EVENTS
from services.runtime.core.grants import fact_key
from services.runtime.kafka.broadcast import broadcast, signed, transactions
from services.runtime.kafka.clients import Clients
from services.runtime.settings import Settings

AUTHORITY_TRANSACTION = "motcua-authority"
"""The id of the transaction in which it is written."""


def authority_event(data: AuthorityFact, actor: Actor) -> Event:
    """Return the fact as an event. The same fact has the same id: written twice, it counts once."""
    return Event(
        id=derive_id("authority", fact_key(data)),
        source="/motcua/routing",
        subject=AUTHORITY_SUBJECT,
        time=data.at,
        data=data,
        actor=actor,
        recorded=data.at,
    )


async def tell_authority(settings: Settings, event: Event, clients: Clients) -> None:
    """Write the fact. Raise ShutOut if another came between: it took no effect, try again; and
    what aiokafka raises if the broker is away, when it may have taken effect."""
    async with transactions(settings, clients, AUTHORITY_TRANSACTION, MAX_BODY) as producer:
        await broadcast(producer, signed(settings, event), [DOSSIER_EVENTS])
