"""Where people can be reached, sealed: the newest fact counts."""

from __future__ import annotations

from datetime import datetime

import msgspec

from contracts.events.contacts import ContactErased, ContactRegistered
from contracts.wire.codec import types
from contracts.wire.envelope import Event
from contracts.wire.topics import CITIZEN_CONTACTS
from services.runtime import NoReactions, NoRequests, NoTimers, World


class SealedContact(msgspec.Struct, frozen=True, omit_defaults=True):
    """One person's contact data."""

    sealed: str | None = None
    key_id: str | None = None
    at: datetime | None = None
    erased_at: datetime | None = None


class SealedContactDecider(NoRequests, NoReactions, NoTimers):
    """Keeps each person's sealed contact data."""

    name = "notify"
    topic = CITIZEN_CONTACTS
    collection = "contacts"
    subject_pattern = r"^.{1,64}$"
    facts = types(ContactRegistered, ContactErased)
    state_type = SealedContact

    def initial(self, subject: str) -> SealedContact:
        return SealedContact()

    def evolve(self, world: World, state: SealedContact, fact: Event) -> SealedContact:
        data = fact.data
        if state.at is not None and fact.time < state.at:
            return state
        if isinstance(data, ContactErased):
            return SealedContact(at=fact.time, erased_at=fact.time)
        assert isinstance(data, ContactRegistered)
        if state.erased_at == fact.time:
            return state  # at one instant, the erasure counts
        return SealedContact(data.sealed, data.key_id, fact.time)
