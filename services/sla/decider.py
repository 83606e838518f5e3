"""Sla, as the engine runs it."""

from __future__ import annotations

from collections.abc import Sequence

from contracts import intake, routing, sla
from contracts.codec import types
from contracts.envelope import Event
from contracts.lifecycle import MOVING_FACTS, phases
from contracts.model import EventData
from contracts.topics import DOSSIER_EVENTS
from contracts.values import DOSSIER_CODE
from services.runtime.decider import NoRequests, Timer
from services.sla.fold import evolve
from services.sla.rules import Rules, fired, timer_of
from services.sla.state import Sla


class SlaDecider(NoRequests):
    """Keeps every dossier's clock. Nobody asks it anything: it draws conclusions.

    It folds its own facts too: what an instance announced just before it lost the partition is
    known to the next one, and is taken back if that one comes to another conclusion.
    """

    name = "sla"
    topic = DOSSIER_EVENTS
    collection = "dossiers"
    subject_pattern = DOSSIER_CODE
    facts = types(
        *MOVING_FACTS,
        routing.DossierRouted,
        routing.DossierUnroutable,
        routing.DossierHandedOver,
        intake.HistoryClosed,
        *sla.ANNOUNCEMENTS,
    )
    state_type = Sla

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def initial(self, subject: str) -> Sla:
        return Sla()

    def evolve(self, state: Sla, fact: Event) -> Sla:
        known = evolve(state, fact)
        if isinstance(fact.data, sla.ANNOUNCEMENTS):
            return known  # what sla said changes no dossier's time
        if (
            known.assessment is not None
            and known.unit == state.unit
            and phases(known.marks) == phases(state.marks)
        ):
            return known  # another step of the same work: the clock runs on as it did
        return self._rules.assessed(known)

    def react(self, state: Sla, fact: Event) -> Sequence[EventData]:
        return self._rules.announcements(state)

    def timer(self, state: Sla) -> Timer | None:
        return timer_of(state)

    def fire(self, state: Sla, timer: Timer) -> Sequence[EventData]:
        return fired(state, timer)
