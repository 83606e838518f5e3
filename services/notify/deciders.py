"""Notify's deciders of dossiers, of deliveries, and of the units' mornings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from contracts.events import notify, routing, sla
from contracts.model import EventData
from contracts.values import DOSSIER_CODE
from contracts.wire.codec import types
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS, NOTIFICATION_EVENTS, UNIT_ALERTS
from services.notify.delivery.delivery import Deliveries, deliveries_after
from services.notify.desk.desk import Desk, desk_after
from services.notify.desk.mail import desk_fired, desk_timer
from services.notify.desk.unit_alerts import unit_alerts
from services.notify.dossier.decisions import REQUESTS, decide
from services.notify.dossier.digests import fired, next_timer
from services.notify.dossier.fold import evolve
from services.notify.dossier.plan import plan
from services.notify.dossier.policy import Policies, Policy
from services.notify.dossier.state import Notify
from services.runtime import NoReactions, NoRequests, NoTimers, Timer, World
from services.shared.lifecycle import IMPORT_FACTS, MOVING_FACTS


class NotifyDecider:
    """Plans what a citizen and a unit's head are told, from the facts about a dossier."""

    name = "notify"
    topic = DOSSIER_EVENTS
    collection = "dossiers"
    subject_pattern = DOSSIER_CODE
    requests = types(*REQUESTS)
    facts = types(
        *MOVING_FACTS,
        routing.DossierRouted,
        routing.DossierUnroutable,
        routing.DossierHandedOver,
        routing.StepReassigned,
        routing.ConsultationOpened,
        routing.ConsultationAnswered,
        *IMPORT_FACTS,
        sla.ApologyIssued,
        sla.ExemptionGranted,
        *(set(sla.ANNOUNCEMENTS) - {sla.RulesApplied}),
        notify.PreferencesSet,
        notify.RatingGiven,
        # Its own facts, which go to other topics and never come back here.
        notify.MessagePlanned,
        notify.MessageGathered,
        notify.MessageNotSent,
        notify.UnitAlerted,
        notify.UnitAlertCleared,
    )
    state_type = Notify

    waking: Mapping[str, Any] | None = None

    def __init__(self, policy: Policy) -> None:
        """`policy`: the city's choices; its catalogue is that of the world."""
        self._choices = policy
        self._policies = Policies(policy)

    def initial(self, subject: str) -> Notify:
        return Notify(code=subject)

    def decide(self, world: World, state: Notify, request: Event) -> Sequence[EventData]:
        return decide(self._policies.at(world, request.time), state, request)

    def evolve(self, world: World, state: Notify, fact: Event) -> Notify:
        return evolve(state, fact)

    def react(self, world: World, state: Notify, fact: Event) -> Sequence[EventData]:
        policy = self._policies.at(world, fact.time)
        return [*plan(policy, state, fact), *unit_alerts(policy, state, fact)]

    def timer(self, world: World, state: Notify) -> Timer | None:
        return next_timer(self._choices, state)

    def fire(self, world: World, state: Notify, timer: Timer) -> Sequence[EventData]:
        return fired(self._policies.at(world, timer.at), state, timer)

    def woken(self, world: World) -> datetime | None:
        return None  # no rule moves what it waits for


class DeliveryDecider(NoRequests, NoReactions, NoTimers):
    """Keeps what became of each message about a dossier, a morning, or a change of contact data.
    It sends nothing."""

    name = "notify"
    topic = NOTIFICATION_EVENTS
    collection = "deliveries"
    subject_pattern = f"{DOSSIER_CODE}|{notify.UNIT_DAY}|{notify.CHANGE_SUBJECT}"
    facts = types(
        notify.MessagePlanned,
        notify.MessageSent,
        notify.MessageNotSent,
        notify.MessageDelivered,
        notify.MessageUndelivered,
        notify.OptOutSet,
    )
    state_type = Deliveries

    def initial(self, subject: str) -> Deliveries:
        return Deliveries()

    def evolve(self, world: World, state: Deliveries, fact: Event) -> Deliveries:
        return deliveries_after(state, fact)


class DeskDecider(NoRequests, NoReactions):
    """Gathers what is on each head's desk, and tells several things in one message."""

    name = "notify"
    topic = UNIT_ALERTS
    collection = "desks"
    subject_pattern = notify.UNIT_DAY
    facts = types(notify.UnitAlerted, notify.UnitAlertCleared, notify.MessagePlanned)
    state_type = Desk

    waking: Mapping[str, Any] | None = None

    def __init__(self, policy: Policy) -> None:
        """`policy`: the city's choices; its catalogue is that of the world."""
        self._choices = policy
        self._policies = Policies(policy)

    def initial(self, subject: str) -> Desk:
        return Desk()

    def evolve(self, world: World, state: Desk, fact: Event) -> Desk:
        return desk_after(state, fact)

    def timer(self, world: World, state: Desk) -> Timer | None:
        return desk_timer(self._choices, state)

    def fire(self, world: World, state: Desk, timer: Timer) -> Sequence[EventData]:
        return desk_fired(self._policies.at(world, timer.at), state, timer)

    def woken(self, world: World) -> datetime | None:
        return None  # no rule moves what it waits for
