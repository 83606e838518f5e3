"""Sla as the engine runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from contracts.events import routing, sla
from contracts.model import EventData
from contracts.values import DOSSIER_CODE
from contracts.wire.codec import types
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS
from services.runtime import Timer, World
from services.shared.city import city_at, sign_in_required
from services.shared.lifecycle import IMPORT_FACTS, MOVING_FACTS
from services.shared.open_dossiers import OPEN
from services.sla.deciding.decisions import REQUESTS, decide
from services.sla.deciding.rules import Rules, TimerKind, rules_of
from services.sla.dossier.entered import is_late, with_entered
from services.sla.dossier.fold import evolve
from services.sla.dossier.state import Sla


class SlaDecider:
    """Keeps every dossier's clock, and decides on letters of apology, delays that are foreseen, and
    exemptions.

    It folds its own facts too: what an instance announced just before it lost the partition is
    known to the next instance, which takes it back if it comes to another conclusion.
    """

    name = "sla"
    topic = DOSSIER_EVENTS
    collection = "dossiers"
    subject_pattern = DOSSIER_CODE
    requests = types(*REQUESTS)
    facts = types(
        *MOVING_FACTS,
        routing.DossierRouted,
        routing.DossierUnroutable,
        routing.DossierHandedOver,
        routing.StepCompleted,
        routing.StepReassigned,
        routing.ConsultationOpened,
        routing.ConsultationAnswered,
        *IMPORT_FACTS,
        routing.LateEntryApproved,
        sla.ApologyIssued,
        sla.DelayForeseen,
        sla.ExemptionGranted,
        *sla.ANNOUNCEMENTS,
    )
    state_type = Sla
    waking: Mapping[str, Any] | None = OPEN

    def initial(self, subject: str) -> Sla:
        return Sla()

    def decide(self, world: World, state: Sla, request: Event) -> Sequence[EventData]:
        rules = rules_of(world.at(request.time))
        judged = judging(world, state)
        signed_in = sign_in_required(world)
        return decide(rules, judged, state, request, signed_in=signed_in, grants=world.grants)

    def evolve(self, world: World, state: Sla, fact: Event) -> Sla:
        known = evolve(state, fact)
        if is_late(fact):
            known = with_entered(known, fact, city_at(world, fact.time).calendars)
        if _clock_touched(state, known):
            return judging(world, known).assessed(known)
        return known

    def react(self, world: World, state: Sla, fact: Event) -> Sequence[EventData]:
        if isinstance(fact.data, sla.RulesApplied):
            return ()  # what follows from the new rules was announced with this fact
        return judging(world, state).announcements(state, fact)

    def timer(self, world: World, state: Sla) -> Timer | None:
        rules = judging(world, state)
        return rules.timer(state, following_rules(world, rules, state))

    def fire(self, world: World, state: Sla, timer: Timer) -> Sequence[EventData]:
        rules = judging(world, state)
        if timer.kind is not TimerKind.RULES:
            return rules.fired(state, timer)
        following = following_rules(world, rules, state)
        assert following is not None
        return following.applied(state)

    def woken(self, world: World) -> datetime | None:
        return world.newest.since


def judging(world: World, state: Sla) -> Rules:
    """Return the rules that the dossier is judged by: those in force when it was received, until
    later ones are applied."""
    if state.rules is not None:
        return _numbered(world, state.rules)
    received = state.span.received_at
    return rules_of(world.at(received) if received is not None else world.sets[0])


@lru_cache(maxsize=1024)  # by the world's identity: it is asked several times for each fact
def _numbered(world: World, number: int) -> Rules:
    return rules_of(world.number(number))


def following_rules(world: World, rules: Rules, state: Sla) -> Rules | None:
    """Return the next rules that judge the open dossier in another way, or None."""
    if rules.number >= world.newest.number or not rules.judged(state):
        return None
    begun = state.span.received_at
    one = world.after(rules.number, begun)
    while one is not None:
        following = rules_of(one)
        if not following.agrees(rules, state):
            return following
        one = world.after(one.number, begun)
    return None


def _clock_touched(before: Sla, after: Sla) -> bool:
    """Return whether a fact changed anything that times depend on; most facts do not."""
    return (
        after.assessment is None
        or after.rules != before.rules
        or after.handlers is not before.handlers
        or after.steps is not before.steps
        or after.consultations is not before.consultations
        or after.letters is not before.letters
        or after.foresights is not before.foresights
        or after.exemption is not before.exemption
        or after.promised != before.promised
        or after.first_budget != before.first_budget
        or after.told_until != before.told_until
        or after.history != before.history
        or after.span != before.span
        or after.unit != before.unit
        or after.marks is not before.marks
    )
