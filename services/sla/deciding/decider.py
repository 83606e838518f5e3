"""Sla as the engine runs it."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.events import routing, sla
from contracts.model import EventData
from contracts.values import DOSSIER_CODE
from contracts.wire.codec import types
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS
from services.runtime import Timer
from services.shared.lifecycle import IMPORT_FACTS, MOVING_FACTS, phases
from services.sla.deciding.decisions import REQUESTS, decide
from services.sla.deciding.rules import Rules
from services.sla.dossier.entered import with_entered
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

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        """The rules in force. May be replaced between two batches: see `Rules.since`."""

    def initial(self, subject: str) -> Sla:
        return Sla()

    def decide(self, state: Sla, request: Event) -> Sequence[EventData]:
        return decide(self.rules, state, request)

    def evolve(self, state: Sla, fact: Event) -> Sla:
        known = with_entered(evolve(state, fact), fact, self.rules.calendars)
        if self.rules.outdated(known) or _clock_touched(state, known):
            return self.rules.assessed(known)
        return known

    def react(self, state: Sla, fact: Event) -> Sequence[EventData]:
        if isinstance(fact.data, sla.RulesApplied):
            return ()  # what follows from the new rules was announced with this fact
        return self.rules.announcements(state, fact)

    def timer(self, state: Sla) -> Timer | None:
        return self.rules.timer(state)

    def fire(self, state: Sla, timer: Timer) -> Sequence[EventData]:
        return self.rules.fired(state, timer)


def _clock_touched(before: Sla, after: Sla) -> bool:
    """Return whether a fact changed anything that times depend on; most facts do not."""
    return (
        after.assessment is None
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
        or (after.marks is not before.marks and phases(after.marks) != phases(before.marks))
    )
