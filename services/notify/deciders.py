"""Notify, as the engine runs it: dossiers, deliveries, and contacts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from contracts import intake, notify, routing, sla
from contracts.codec import types
from contracts.contacts import ContactRegistered
from contracts.envelope import Event
from contracts.lifecycle import MOVING_FACTS
from contracts.model import EventData
from contracts.notify import MessageChannel
from contracts.topics import CITIZEN_CONTACTS, DOSSIER_EVENTS, NOTIFICATION_EVENTS
from contracts.values import DOSSIER_CODE
from services.notify.delivery import Deliveries, deliveries_after
from services.notify.fold import evolve
from services.notify.plan import plan
from services.notify.state import Notify
from services.runtime.decider import NoReactions, NoRequests, NoTimers


class NotifyDecider(NoRequests, NoTimers):
    """Plans what a citizen is told, from what happens to the dossier."""

    name = "notify"
    topic = DOSSIER_EVENTS
    collection = "dossiers"
    subject_pattern = DOSSIER_CODE
    facts = types(
        *MOVING_FACTS,
        routing.DossierRouted,
        routing.DossierHandedOver,
        intake.HistoryClosed,
        *sla.ANNOUNCEMENTS,
        # Its own, which go to another topic and never come back here.
        notify.MessagePlanned,
        notify.MessageNotSent,
    )
    state_type = Notify

    def __init__(self, channel: MessageChannel) -> None:
        self._channel = channel

    def initial(self, subject: str) -> Notify:
        return Notify()

    def evolve(self, state: Notify, fact: Event) -> Notify:
        return evolve(state, fact)

    def react(self, state: Notify, fact: Event) -> Sequence[EventData]:
        return plan(state, fact, self._channel)


class DeliveryDecider(NoRequests, NoReactions, NoTimers):
    """Keeps what became of each message of a dossier; sending is done beside it."""

    name = "notify"
    topic = NOTIFICATION_EVENTS
    collection = "deliveries"
    subject_pattern = DOSSIER_CODE
    facts = types(notify.MessagePlanned, notify.MessageSent, notify.MessageNotSent)
    state_type = Deliveries

    def initial(self, subject: str) -> Deliveries:
        return Deliveries()

    def evolve(self, state: Deliveries, fact: Event) -> Deliveries:
        return deliveries_after(state, fact)


class Contact(msgspec.Struct, frozen=True):
    """Where a citizen can be reached, sealed; the newest registration counts."""

    sealed: str | None = None
    key_id: str | None = None
    at: datetime | None = None


class ContactDecider(NoRequests, NoReactions, NoTimers):
    """Keeps each citizen's sealed contact data."""

    name = "notify"
    topic = CITIZEN_CONTACTS
    collection = "contacts"
    subject_pattern = r"^.{1,64}$"
    facts = types(ContactRegistered)
    state_type = Contact

    def initial(self, subject: str) -> Contact:
        return Contact()

    def evolve(self, state: Contact, fact: Event) -> Contact:
        data = fact.data
        assert isinstance(data, ContactRegistered)
        if state.at is not None and fact.time < state.at:
            return state
        return Contact(data.sealed, data.key_id, fact.time)
