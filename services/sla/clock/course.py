"""How a dossier's clock ran, and what was promised on the way.

A course is made from nothing, or from the one before the newest fact: most facts come after all
that is known, and change the end of it at most. Both ways come to the same course.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

import msgspec

from services.shared.lifecycle import (
    CLOCK_STOPPED,
    Mark,
    Phase,
    PhaseFold,
    PublicStatus,
    folded,
)
from services.sla.clock.promises import Promise, letter_by, promises_of, warnings
from services.sla.clock.running import Reached, RunningSpans, extended, running_of
from services.sla.clock.terms import Terms
from services.sla.dossier.state import Expected, Handler, Letter, Sla

T = TypeVar("T")


class Course(msgspec.Struct, frozen=True, eq=False):
    """How the clock ran, and what was promised on the way."""

    marks: tuple[Mark, ...]
    """What `fold` was made of; the next three: what the rest was made of."""
    handlers: tuple[Handler, ...]
    receiving_unit: str
    letters: tuple[Letter, ...]
    fold: PhaseFold
    running: RunningSpans
    original_due: datetime
    total: int
    """Working seconds that the procedure allows."""
    promises: Sequence[Promise]
    """The original date, and those that letters put in its place."""
    warnings: tuple[Expected, ...]
    letter_by: Reached | None
    """The last moment for a letter to be in time."""

    @property
    def phases(self) -> tuple[Phase, ...]:
        return self.fold.phases

    def is_timed_as(self, other: Course) -> bool:
        """Return whether the clock ran, and was promised, as in the other; only the status may
        differ."""
        return self.promises is other.promises

    @property
    def paused(self) -> bool:
        return self.fold.phases[-1].status in CLOCK_STOPPED

    @property
    def due(self) -> datetime | None:
        """When the budget runs out if nothing changes; None while the clock is stopped."""
        return None if self.paused else self.promises[-1].due


def course(state: Sla, terms: Terms, last: Course | None = None) -> Course | None:
    """Return the course of the dossier's clock; None for a dossier that was never received.

    `last`: the course before the newest facts, by terms that agree on promise and time. Raise
    OutsideCalendar for a dossier whose time lies outside the calendars' years.
    """
    assert state.receiving_unit is not None
    fold = _fold(state.marks, last)
    if last is not None and _runs_on(state, terms, fold, last):
        if fold is last.fold and state.marks is last.marks:
            return last
        return msgspec.structs.replace(last, marks=state.marks, fold=fold)
    running = _extended(state, terms, fold, last) if last is not None else None
    if running is None:
        fixed_date = isinstance(terms.promise, datetime)
        spans = [_as_told(phase, state) for phase in fold.phases] if fixed_date else fold.phases
        running = running_of(spans, state.handlers, state.receiving_unit, terms.calendars)
        last = None
    if not running.pieces:
        return None
    ended = state.span.ended_at
    # A letter about a dossier that had ended by then, as became known later, promises nothing.
    letters = state.letters and tuple(
        x for x in state.letters if x.due and (ended is None or x.at <= ended)
    )
    if last is not None and letters == last.letters:
        timed = _timed_alike(last, running)
        if timed is not None:
            return Course(
                state.marks,
                state.handlers,
                state.receiving_unit,
                letters,
                fold,
                running,
                last.original_due,
                last.total,
                *timed,
            )
    first = running.pieces[0]
    if last is not None:
        original = last.original_due  # the first span began then, too
    elif isinstance(terms.promise, datetime):
        original = max(first.begin, terms.promise)  # what was past at reception was missed at once
    else:
        original = first.calendar.due(first.begin, terms.promise)
    fixed = terms.fixes_a_day
    total = (
        running.ahead(first.begin, original)
        if fixed
        else first.calendar.measure(first.begin, original)
    )
    first_due = original if fixed else None
    promises = list(promises_of(running, total, first_due, letters, terms.book))
    return Course(
        state.marks,
        state.handlers,
        state.receiving_unit,
        letters,
        fold,
        running,
        original,
        total,
        promises,
        tuple(alert for promise in promises for alert in warnings(running, promise, terms)),
        letter_by(running, promises[0], terms.book),
    )


def tail(known: tuple[T, ...], all_: tuple[T, ...]) -> tuple[T, ...] | None:
    """Return what follows the known ones; None if these are not how all of them begin."""
    if all_ is known:
        return ()
    count = len(known)
    return all_[count:] if all_[:count] == known else None


def _fold(marks: tuple[Mark, ...], last: Course | None) -> PhaseFold:
    more = None if last is None else tail(last.marks, marks)
    if last is None or more is None:
        return folded(marks)
    return folded(more, last.fold) if more else last.fold


def _runs_on(state: Sla, terms: Terms, fold: PhaseFold, last: Course) -> bool:
    """Return whether nothing has come that the course depends on: as it is with most facts."""
    return (
        fold.phases is last.phases
        and state.handlers is last.handlers
        and state.receiving_unit == last.receiving_unit
        and not state.letters
        and not last.letters
        and not _counts_otherwise(state, terms)
    )


def _counts_otherwise(state: Sla, terms: Terms) -> bool:
    """Return whether what it waited counts in another way once its history is closed."""
    told = state.history or state.told_until is not None
    return told and isinstance(terms.promise, datetime)


def _extended(state: Sla, terms: Terms, fold: PhaseFold, last: Course) -> RunningSpans | None:
    if _counts_otherwise(state, terms):
        return None
    if state.receiving_unit != last.receiving_unit:
        return None
    phases, handlers = tail(last.phases, fold.phases), tail(last.handlers, state.handlers)
    if phases is None or handlers is None or len(handlers) > 1:
        return None
    return extended(
        last.running,
        last.phases[-1].status,
        phases,
        state.handlers,
        handlers[0] if handlers else None,
        last.receiving_unit,
        terms.calendars,
    )


def _timed_alike(
    last: Course, running: RunningSpans
) -> tuple[Sequence[Promise], tuple[Expected, ...], Reached | None] | None:
    """Return what was promised, warned of and asked by when, without counting anything again; None
    if it has to be counted."""
    if running.counts_as(last.running):
        return last.promises, last.warnings, last.letter_by
    end = running.stopped_since(last.running)
    if end is None or last.letters:
        return None  # a letter may move a date that is not missed any more
    # What comes before the clock stops is reached for good, the rest is not, as far as is known.
    (promise,), by = last.promises, last.letter_by
    breach = promise.breach.once_stopped(end) if promise.breach is not None else None
    warned = tuple(
        msgspec.structs.replace(alert, certain=True)
        for alert in last.warnings
        if alert.certain or alert.at < end
    )
    promises = [msgspec.structs.replace(promise, breach=breach)]
    return promises, warned, by.once_stopped(end) if by is not None else None


def _as_told(phase: Phase, state: Sla) -> Phase:
    """Return a phase as it counts against a fixed date.

    An older system's date had its waiting in it: what waited while the history was told gives back
    no time. What waits afterwards does.
    """
    told = state.history or (state.told_until is not None and phase.since <= state.told_until)
    if not told or phase.status not in CLOCK_STOPPED:
        return phase
    return Phase(phase.since, PublicStatus.IN_PROCESS)
