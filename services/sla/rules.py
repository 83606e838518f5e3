"""What sla announces: the difference between what follows and what it has said so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from contracts import sla
from contracts.catalogue import Catalogue
from contracts.lifecycle import CLOCK_STOPPED, ENDED, phases
from contracts.model import EventData
from contracts.sla import Budget, TimeUnit
from services.runtime.decider import Timer
from services.sla.assess import assess
from services.sla.state import Alert, Assessment, Sla
from services.sla.working_time import Calendars

SOON, OVER = "DossierSoonDue", "DossierOverdue"

UNKNOWN_PROCEDURE_BUDGET = Budget(amount=20, unit=TimeUnit.WORKING_DAYS)
"""For a dossier of a procedure that the catalogue lacks: a promise is owed all the same."""
_DEFAULT_SHARE = 0.8


@dataclass(frozen=True)
class Rules:
    """The rules in force: the catalogue's standard times and the calendars."""

    catalogue: Catalogue
    calendars: Calendars

    def assessed(self, state: Sla) -> Sla:
        """The state with the assessment that follows from it."""
        if state.procedure is None or state.receiving_unit is None:
            return state
        procedure = self.catalogue.procedures.get(state.procedure)
        budget = procedure.budget if procedure else UNKNOWN_PROCEDURE_BUDGET
        share = procedure.soon_due_share if procedure else _DEFAULT_SHARE
        calendar = self.calendars.for_unit(state.unit or state.receiving_unit)
        found = assess(phases(state.marks), budget, share, calendar)
        return msgspec.structs.replace(state, assessment=found, rule=self.rule(budget))

    def rule(self, budget: Budget) -> str:
        """What is put beside a deadline to say which rule and which calendar made it."""
        return f"{budget.amount} {budget.unit}; calendar {self.calendars.version}"

    def announcements(self, state: Sla) -> Sequence[EventData]:
        """The facts that bring what was said in line with what is known now."""
        now = state.assessment
        if now is None or state.procedure is None or state.unit is None:
            return ()
        if not _handler_known(state):
            return ()  # whose office hours count is known once routing has said who handles it
        said: list[EventData] = []
        said += self._deadline(state, now)
        said += _retractions(state, now)
        for kind, at, certain in (
            (SOON, now.soon_at, now.soon_certain),
            (OVER, now.breach_at, now.breach_certain),
        ):
            if certain and at is not None and not _standing(state, kind, at):
                said.append(_alert(kind, at, now, state.unit))
        return said

    def _deadline(self, state: Sla, now: Assessment) -> Sequence[EventData]:
        assert state.procedure is not None
        procedure = self.catalogue.procedures.get(state.procedure)
        budget = procedure.budget if procedure else UNKNOWN_PROCEDURE_BUDGET
        rule = self.rule(budget)
        if not state.deadlines:
            return [sla.DeadlineSet(due=now.due or now.original_due, budget=budget, rule=rule)]
        last = state.due_told or state.deadlines[-1].due
        if now.due is None or now.due == last or state.span.ended in ENDED:
            return ()
        return [
            sla.DeadlineMoved(
                due=now.due,
                previous=last,
                original=state.deadlines[0].due,
                reason=_GIVEN_BACK if _waited(state) else _OTHER_HOURS,
                rule=rule,
            )
        ]


_GIVEN_BACK = "time spent waiting was given back"
_OTHER_HOURS = "a unit with other office hours handles the dossier"


def _waited(state: Sla) -> bool:
    return any(phase.status in CLOCK_STOPPED for phase in phases(state.marks))


def _handler_known(state: Sla) -> bool:
    # An older system need not tell who handled a dossier; then the receiving unit's hours count.
    return state.unit_since is not None or state.history


def timer_of(state: Sla) -> Timer | None:
    """When the next alert is due, if the dossier goes on as it is."""
    now = state.assessment
    if now is None or not _handler_known(state):
        return None
    for kind, at, certain in (
        (SOON, now.soon_at, now.soon_certain),
        (OVER, now.breach_at, now.breach_certain),
    ):
        if at is not None and not certain and not _standing(state, kind, at):
            # The number tells a second announcement of the same moment from the first.
            return Timer(at, f"{kind}#{len(state.alerts)}", own_time=state.history)
    return None


def fired(state: Sla, timer: Timer) -> Sequence[EventData]:
    """The alert that a timer raises."""
    assert state.assessment is not None
    assert state.unit is not None
    kind = timer.name.partition("#")[0]
    return [_alert(kind, timer.at, state.assessment, state.unit)]


def _alert(kind: str, at: datetime, now: Assessment, unit: str) -> EventData:
    if kind == SOON:
        return sla.DossierSoonDue(at=at, due=now.breach_at or now.due or at, unit=unit)
    return sla.DossierOverdue(due=at, unit=unit)


def _standing(state: Sla, kind: str, at: datetime) -> bool:
    return any(a.kind == kind and a.at == at and not a.retracted for a in state.alerts)


def _retractions(state: Sla, now: Assessment) -> list[EventData]:
    wanted = {(SOON, now.soon_at), (OVER, now.breach_at)}
    return [
        sla.AlertRetracted(
            alert_id=alert.id, alert=_kind(alert), reason=_why(alert, now), due=now.due
        )
        for alert in state.alerts
        if not alert.retracted and (alert.kind, alert.at) not in wanted
    ]


def _kind(alert: Alert) -> sla.AlertKind:
    return "DossierSoonDue" if alert.kind == SOON else "DossierOverdue"


def _why(alert: Alert, now: Assessment) -> str:
    moment = alert.due.isoformat()
    if now.breach_at is not None and alert.kind == OVER:
        return f"a fact that came late moved the due time from {moment}"
    return f"a fact that came late shows that {moment} was not missed"
