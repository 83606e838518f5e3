"""Where people can be reached, sealed: what they have proven, and what was left for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from contracts.events.contacts import (
    AddressKind,
    ContactChangeAsked,
    ContactErased,
    ContactProven,
    ContactRegistered,
)
from contracts.model import EventData
from contracts.wire.codec import types
from contracts.wire.envelope import Event
from contracts.wire.topics import CITIZEN_CONTACTS
from services.notify.contacts.telling import code_message, told_of_change, told_of_proof
from services.runtime import NoRequests, NoTimers, World
from services.shared.citizen_keys import Sealed
from services.shared.person import SUBJECT, person_of

_CHANGES = 8
"""The number of changes kept, the newest: more than can be asked for within a day. Messages about
older ones go nowhere."""


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """A change that was asked for: where its messages go, whatever became of it."""

    new: Sealed
    seed: str
    locale: str
    before: dict[str, Sealed] = {}
    """The addresses that counted when it was asked for, by kind."""


class SealedContact(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of one person, or was left with one dossier."""

    LAYOUT = 2

    sealed: str | None = None
    """What was left: nobody has proven it."""
    key_id: str | None = None
    at: datetime | None = None
    erased_at: datetime | None = None
    citizen: str | None = None
    """Whose key opens what was left with a dossier."""
    proven: dict[str, Sealed] = {}
    """By kind. As long as there is one, nothing else is used."""
    changes: dict[str, Change] = {}
    """The newest changes that were asked for, by id, in order."""

    @property
    def left(self) -> Sealed | None:
        """What was left; None if nothing was."""
        if self.sealed is None or self.key_id is None:
            return None
        return Sealed(self.key_id, self.sealed)

    @property
    def counting(self) -> dict[str, Sealed]:
        """The addresses that count now: those that are proven, or else the mail address that was
        left, if there is one in it."""
        if self.proven or (left := self.left) is None:
            return self.proven
        return {AddressKind.EMAIL: left}


class SealedContactDecider(NoRequests, NoTimers):
    """Keeps each person's sealed contact data, and tells them of its changes."""

    name = "notify"
    topic = CITIZEN_CONTACTS
    collection = "contacts"
    subject_pattern = SUBJECT
    facts = types(ContactRegistered, ContactErased, ContactChangeAsked, ContactProven)
    state_type = SealedContact

    def initial(self, subject: str) -> SealedContact:
        return SealedContact()

    def evolve(self, world: World, state: SealedContact, fact: Event) -> SealedContact:
        data, replace = fact.data, msgspec.structs.replace
        match data:
            case ContactErased():
                if state.at is not None and fact.time < state.at:
                    return state
                return SealedContact(at=fact.time, erased_at=fact.time)
            case ContactRegistered():
                if state.at is not None and fact.time < state.at:
                    return state
                if state.erased_at == fact.time:
                    return state  # at one instant, the erasure counts
                return replace(
                    state,
                    sealed=data.sealed,
                    key_id=data.key_id,
                    at=fact.time,
                    erased_at=None,
                    citizen=data.citizen,
                )
            case ContactChangeAsked():
                change = Change(
                    Sealed(data.key_id, data.sealed), data.seed, data.locale, state.counting
                )
                kept = [*state.changes.items(), (data.change, change)][-_CHANGES:]
                return replace(state, changes=dict(kept))
            case ContactProven():
                proven = {**state.proven, data.address: Sealed(data.key_id, data.sealed)}
                return replace(state, proven=dict(sorted(proven.items())))
            case _:
                return state

    def react(self, world: World, state: SealedContact, fact: Event) -> Sequence[EventData]:
        data, whose = fact.data, person_of(fact.subject)
        if not isinstance(data, ContactChangeAsked | ContactProven) or whose is None:
            return ()
        if (change := state.changes.get(data.change)) is None:
            return ()
        if isinstance(data, ContactProven):
            return told_of_proof(whose, fact, data.change, change.locale, change.before)
        told = told_of_change(whose, fact, data, change.before) if data.tells_proven else ()
        return [code_message(whose, fact, data), *told]
