"""The clocks besides a dossier's own: each step's, each consulted authority's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.sla.clock.consultation_terms import consultations
from services.sla.clock.course import Course
from services.sla.clock.step_clocks import step_clocks
from services.sla.clock.terms import Terms
from services.sla.dossier.state import Sla


@dataclass(frozen=True, slots=True)
class StepTime:
    """A step's own clock, which runs and stops with the dossier's."""

    step: str
    ordinal: int
    begin: datetime
    end: datetime | None
    """None while it is open."""
    budget_seconds: int | None
    """None if its only deadline is the dossier's."""
    used_seconds: int
    due: datetime | None
    """None if it has none, or while the clock is stopped."""
    late: bool


@dataclass(frozen=True, slots=True)
class ConsultationTime:
    """The clock of another authority, which runs by its own hours while the dossier's runs on."""

    unit: str
    asked_at: datetime
    due: datetime
    answered_at: datetime | None
    budget_seconds: int
    used_seconds: int
    late: bool


def step_times(state: Sla, terms: Terms, found: Course, until: datetime) -> tuple[StepTime, ...]:
    """Return each step begun, up to `until`: the dossier's end, or the time asked about."""
    stands = state.span.ended_at is None and found.running.pieces[-1].end is not None
    times = []
    for clock in step_clocks(state, terms, found):
        step, due, end = clock.step, clock.due, clock.end or until
        times.append(
            StepTime(
                step.step,
                step.ordinal,
                step.started_at,
                clock.end,
                clock.budget,
                found.running.used(step.started_at, end),
                due.at if due is not None and (due.happened or not stands) else None,
                late=due is not None and due.happened and due.at < end,
            )
        )
    return tuple(times)


def consultation_times(state: Sla, terms: Terms, until: datetime) -> tuple[ConsultationTime, ...]:
    """Return each question to another authority, up to `until`."""
    times = []
    for question in consultations(state, terms):
        calendar = terms.calendars.for_unit(question.unit)
        end = min(question.answered_at or until, until)
        times.append(
            ConsultationTime(
                question.unit,
                question.opened_at,
                question.due,
                question.answered_at,
                calendar.measure(question.opened_at, question.due),
                calendar.measure(question.opened_at, end),
                late=question.due < end,
            )
        )
    return tuple(times)
