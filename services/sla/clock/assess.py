"""Assesses a dossier's time: which facts and rules lead to what being due when.

A deadline is not stored and kept up to date. It is computed from the running spans of the clock, so
a pause that is entered late changes the past as it should. What it was computed from is remembered
beside it in memory: a fact that comes after all others changes a part of it, and the other parts
are taken over. Both ways come to the same assessment.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

import msgspec

from contracts.events.sla import AlertKind
from services.shared.lifecycle import Mark, Move, Span
from services.sla.clock.consultation_terms import late_answers
from services.sla.clock.course import Course, course, tail
from services.sla.clock.letters import of_a_letter
from services.sla.clock.promises import Promise
from services.sla.clock.running import Reached
from services.sla.clock.step_clocks import LateSteps, late_steps
from services.sla.clock.terms import Terms
from services.sla.dossier.state import (
    Assessment,
    ConsultationMark,
    Exemption,
    Expected,
    Foresight,
    Letter,
    Sla,
)


def assess(state: Sla, terms: Terms) -> Assessment | None:
    """Return the assessment of what is known; None for a dossier without a clock (see `course`).

    Waiting time (portal states 5, 6 and 8) uses nothing: what was left of the budget when the clock
    stopped is left when it runs again. Even in a budget of calendar days, what is given back is
    working time. Each span counts by the office hours of the unit that had the dossier in it.
    """
    parts = _parts(state, terms)
    return None if parts is None else _made(parts)


def reassess(state: Sla, terms: Terms) -> Assessment | None:
    """Return the same, made out of the state's last assessment as far as that still holds."""
    known = state.assessment
    last: _Parts | None = known.__dict__.get(_PARTS) if known is not None else None
    if last is None or not terms.judge_time_like(last.terms):
        parts = _parts(state, terms)
    else:
        parts = _extended(state, terms, last)
    if parts is None:
        return None
    if known is None or last is None or not parts.say_the_same(last):
        known = _made(parts)
    elif parts.steps.expected is not last.steps.expected and (
        parts.steps.expected != last.steps.expected
    ):
        known = msgspec.structs.replace(known, expected=_expected(parts))
    known.__dict__[_PARTS] = parts
    return known


_PARTS = "parts"
"""Under this name an assessment remembers what it was made of. It is not stored."""


class _Parts(msgspec.Struct, frozen=True, eq=False):
    """What an assessment is made of, and what the parts were made from."""

    terms: Terms
    span: Span
    about_letters: tuple[Sequence[Letter], Sequence[Foresight], Exemption | None]
    consultations: tuple[ConsultationMark, ...]
    course: Course
    said: tuple[Expected, ...]
    """The last call for a letter, and since when one is owed."""
    steps: LateSteps
    answers: tuple[Expected, ...]
    demands: Demands

    def say_the_same(self, last: _Parts) -> bool:
        """Return whether these parts come to the assessment that the last ones came to, but for
        what is expected of steps."""
        mine, theirs = self.course, last.course
        return (
            (mine is theirs or (mine.is_timed_as(theirs) and mine.paused == theirs.paused))
            and self.said is last.said
            and self.answers is last.answers
            and self.demands.at == last.demands.at
        )


def _parts(state: Sla, terms: Terms) -> _Parts | None:
    found = course(state, terms)
    if found is None:
        return None
    return _Parts(
        terms,
        state.span,
        (state.letters, state.foresights, state.exemption),
        state.consultations,
        found,
        _said(state, found),
        late_steps(state, terms, found),
        tuple(late_answers(state, terms)),
        demands_of(state.marks, state.span),
    )


def _extended(state: Sla, terms: Terms, last: _Parts) -> _Parts | None:
    found = course(state, terms, last.course)
    if found is None:
        return None
    span, consultations = state.span, state.consultations
    about_letters = (state.letters, state.foresights, state.exemption)
    same_span = span is last.span or span == last.span
    said, answers, demands = last.said, last.answers, last.demands
    timed_alike = same_span and found.is_timed_as(last.course)
    if not timed_alike or about_letters != last.about_letters:
        said = _said(state, found)
    if not same_span or consultations != last.consultations:
        answers = tuple(late_answers(state, terms))
    more = tail(last.course.marks, state.marks) if same_span else None
    if more is None:
        demands = demands_of(state.marks, span)
    elif more:
        demands = demands_of(more, span, demands)
    steps = late_steps(state, terms, found, last.steps)
    return _Parts(terms, span, about_letters, consultations, found, said, steps, answers, demands)


def _made(parts: _Parts) -> Assessment:
    found, demands = parts.course, parts.demands
    running, promises = found.running, found.promises
    first, current = promises[0], promises[-1]
    breach = _missed(current)
    by = found.letter_by
    allowed = parts.terms.book.supplement.allowed
    extended = current.total - found.total
    return Assessment(
        budget=current.total,
        used=running.used(running.pieces[0].begin),
        due=found.due,
        original_due=found.original_due,
        running=running.pieces[-1].end is None,
        breach_at=breach.at if breach else None,
        breach_certain=breach is not None and breach.certain,
        first_breach_at=_when(first.breach),
        letter_by=by.at if by is not None and (by.happened or not found.paused) else None,
        owed_at=next((e.at for e in parts.said if e.kind is AlertKind.APOLOGY_OWED), None),
        extended=extended,
        extended_at=promises[1].since if extended else None,
        supplements=len(demands.at),
        repeated_at=demands.at[allowed] if len(demands.at) > allowed else None,
        expected=_expected(parts),
    )


def _expected(parts: _Parts) -> tuple[Expected, ...]:
    found = parts.course
    expected = [*found.warnings, *parts.said, *parts.steps.expected, *parts.answers]
    if (breach := _missed(found.promises[-1])) is not None:
        expected.append(Expected(breach.at, AlertKind.OVERDUE, "", breach.at, breach.certain))
    allowed = parts.terms.book.supplement.allowed
    for number, at in enumerate(parts.demands.at[allowed:], start=allowed + 1):
        expected.append(Expected(at, AlertKind.SUPPLEMENT_REPEATED, str(number), at, True))
    expected.sort(key=_moment)
    return tuple(expected)


def _missed(promise: Promise) -> Reached | None:
    breach = promise.breach
    return breach if breach is not None and breach.happened else None


def _said(state: Sla, found: Course) -> tuple[Expected, ...]:
    begin = found.running.pieces[0].begin
    return tuple(of_a_letter(state, begin, found.promises[0].breach, found.letter_by))


def _when(breach: Reached | None) -> datetime | None:
    return breach.at if breach is not None and breach.happened else None


_moment = attrgetter("at", "kind", "about")


class Demands(NamedTuple):
    """When a supplement was demanded; a further demand counts only after a delivery."""

    at: tuple[datetime, ...] = ()
    open: bool = False
    """Whether the last one waits for its delivery."""


NO_DEMANDS = Demands()


def demands_of(marks: Sequence[Mark], span: Span, known: Demands = NO_DEMANDS) -> Demands:
    """Return the demands of the marks that follow those which `known` was made of."""
    received, ended = span.received_at, span.ended_at
    if received is None:
        return known
    at, asked = known
    for mark in marks:
        if mark.move is Move.SUPPLEMENT_DELIVERED:
            asked = False
        elif (
            mark.move is Move.SUPPLEMENT_DEMANDED
            and not asked
            and received <= mark.time
            and (ended is None or mark.time <= ended)
        ):
            asked = True
            at = (*at, mark.time)
    return Demands(at, asked)
