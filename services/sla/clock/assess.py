"""Assesses a dossier's time: which facts and rules lead to what being due when.

A deadline is not stored and kept up to date. It is computed each time from the running spans of the
clock. So a pause that is entered late changes the past as it should.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from contracts.events.sla import AlertKind, Budget, TimeUnit
from services.shared.consultations import Answer, Question, paired
from services.shared.lifecycle import (
    CLOCK_STOPPED,
    Mark,
    Move,
    Phase,
    PublicStatus,
    Span,
    phases,
)
from services.shared.rulebook.book import RuleBook
from services.shared.working_time import WORKING_HOUR, Calendars, WorkingDaysReading
from services.sla.clock.letters import of_a_letter
from services.sla.clock.running import Reached, RunningSpans, running_of
from services.sla.dossier.state import Assessment, Expected, Letter, Sla, StepSpan

_MILLION = 1_000_000


@dataclass(frozen=True)
class Terms:
    """The rules that apply to one dossier."""

    promise: Budget | datetime
    """What was promised: a budget, or a fixed date."""
    soon_due_shares: tuple[float, ...]
    step_shares: tuple[float, ...]
    """Each step's share of the budget, by ordinal; empty if the workflow is not known."""
    book: RuleBook
    calendars: Calendars
    basis: str = ""
    """The legal basis of the promise."""

    @property
    def rule(self) -> str:
        """The text that says by which rules and which calendar a dossier is judged."""
        return rule_of(self.book, self.calendars)

    @cached_property
    def fixes_a_day(self) -> bool:
        """Whether the budget names a day, and not an amount of working time.

        It is the same day whichever unit handles the dossier, and however long its office is open.
        """
        if isinstance(self.promise, datetime):
            return True
        if self.promise.unit is TimeUnit.WORKING_DAYS:
            reading = self.promise.reading or self.calendars.reading.working_days
            return reading is not WorkingDaysReading.EIGHT_HOURS
        return self.promise.unit is TimeUnit.CALENDAR_DAYS


def rule_of(book: RuleBook, calendars: Calendars) -> str:
    """Return the text that says by which rules and which calendar a dossier was judged."""
    return f"rules {book.version}; calendar {calendars.version}"


def assess(state: Sla, terms: Terms) -> Assessment | None:
    """Return the assessment of what is known; None for a dossier without a clock (see `course`).

    Waiting time (portal states 5, 6 and 8) uses nothing: what was left of the budget when the clock
    stopped is left when it runs again. Even in a budget of calendar days, what is given back is
    working time. Each span counts by the office hours of the unit that had the dossier in it.
    """
    found = course(state, terms)
    if found is None:
        return None
    running, total, promises = found.running, found.total, found.promises
    first, last = running.pieces[0], running.pieces[-1]
    current = promises[-1]
    breach = current.breach if _when(current.breach) else None
    expected = [alert for promise in promises for alert in _warnings(running, promise, terms)]
    by = _letter_by(running, promises[0], terms.book)
    said = list(of_a_letter(state, first.begin, promises[0].breach, by))
    expected += said
    if breach is not None:
        expected.append(Expected(breach.at, AlertKind.OVERDUE, "", breach.at, breach.certain))
    expected += _late_steps(step_clocks(state, terms, found))
    expected += _late_answers(state, terms)
    demands = _demands(state.marks, state.span)
    allowed = terms.book.supplement.allowed
    expected += [
        Expected(at, AlertKind.SUPPLEMENT_REPEATED, str(number), at, True)
        for number, at in enumerate(demands, start=1)
        if number > allowed
    ]
    paused = found.phases[-1].status in CLOCK_STOPPED
    extended = current.total - total
    return Assessment(
        budget=current.total,
        used=running.used(first.begin),
        due=found.due,
        original_due=found.original_due,
        running=last.end is None,
        breach_at=breach.at if breach else None,
        breach_certain=breach is not None and breach.certain,
        first_breach_at=_when(promises[0].breach),
        letter_by=by.at if by is not None and (by.happened or not paused) else None,
        owed_at=next((e.at for e in said if e.kind is AlertKind.APOLOGY_OWED), None),
        extended=extended,
        extended_at=promises[1].since if extended else None,
        supplements=len(demands),
        repeated_at=demands[allowed] if len(demands) > allowed else None,
        expected=tuple(sorted(expected, key=_moment)),
    )


def _when(breach: Reached | None) -> datetime | None:
    return breach.at if breach is not None and breach.happened else None


def _moment(alert: Expected) -> tuple[datetime, str, str]:
    return alert.at, alert.kind, alert.about


@dataclass(frozen=True, slots=True)
class Course:
    """How the clock ran, and what was promised on the way."""

    phases: Sequence[Phase]
    running: RunningSpans
    original_due: datetime
    total: int
    """Working seconds that the procedure allows."""
    promises: Sequence[Promise]
    """The original date, and those that letters put in its place."""

    @property
    def due(self) -> datetime | None:
        """When the budget runs out if nothing changes; None while the clock is stopped."""
        return None if self.phases[-1].status in CLOCK_STOPPED else self.promises[-1].due


def course(state: Sla, terms: Terms) -> Course | None:
    """Return the course of the dossier's clock; None for a dossier that was never received.

    Raise OutsideCalendar for a dossier whose time lies outside the calendars' years.
    """
    known = phases(state.marks)
    assert state.receiving_unit is not None
    fixed_date = isinstance(terms.promise, datetime)
    spans = [_as_told(phase, state) for phase in known] if fixed_date else known
    running = running_of(spans, state.handlers, state.receiving_unit, terms.calendars)
    if not running.pieces:
        return None
    first = running.pieces[0]
    original = (
        max(first.begin, terms.promise)  # a date that was past at reception was missed at once
        if isinstance(terms.promise, datetime)
        else first.calendar.due(first.begin, terms.promise)
    )
    fixed = terms.fixes_a_day
    total = (
        running.ahead(first.begin, original)
        if fixed
        else first.calendar.measure(first.begin, original)
    )
    first_due = original if fixed else None
    ended = state.span.ended_at
    # A letter about a dossier that had ended by then, as became known later, promises nothing.
    letters = [each for each in state.letters if each.due and (ended is None or each.at <= ended)]
    promises = list(_promises(running, total, first_due, letters, terms.book))
    return Course(known, running, original, total, promises)


def _as_told(phase: Phase, state: Sla) -> Phase:
    """Return a phase as it counts against a fixed date.

    An older system's date had its waiting in it: what waited while the history was told gives back
    no time. What waits afterwards does.
    """
    told = state.history or (state.told_until is not None and phase.since <= state.told_until)
    if not told or phase.status not in CLOCK_STOPPED:
        return phase
    return Phase(phase.since, PublicStatus.IN_PROCESS)


@dataclass(frozen=True, slots=True)
class Promise:
    """One promised date, from its promise until another replaced it."""

    since: datetime
    until: datetime | None
    rest: int
    """Working seconds from `since` to the promise's end."""
    total: int
    """Working seconds of the whole, from the start of the clock."""
    breach: Reached | None
    letter: Letter | None
    """The letter that made it; None for the original date."""

    @property
    def due(self) -> datetime | None:
        return self.breach.at if self.breach else None


def _promises(
    running: RunningSpans,
    total: int,
    first_due: datetime | None,
    letters: Sequence[Letter],
    book: RuleBook,
) -> Iterator[Promise]:
    """Yield the original date and those that letters put in its place.

    A letter promises its date, whichever unit has the dossier then. If the earlier date differs
    from the one in the letter, because a pause became known later, the second date moves as the
    first did: by working time. What was late when the letter was issued stays late.
    """
    start = since = running.pieces[0].begin
    rest = total
    breach = running.reached(start, total, first_due)
    moved = 0
    made_by: Letter | None = None
    for letter in letters:
        if moved == book.apology.max_extensions:
            break
        if breach is None or (breach.happened and breach.at < letter.at):
            break
        if letter.at < start:
            continue
        then = running.as_of(letter.at)
        last, due_then = then.pieces[-1], then.reached(since, rest, first_due)
        assert letter.due is not None  # else it promises nothing: see `course`
        added = last.calendar.measure(letter.previous, letter.due)
        if added <= 0:
            continue
        yield Promise(since, letter.at, rest, total, breach, made_by)
        if last.end is None and due_then is not None and due_then.at == letter.previous:
            first_due, rest = letter.due, running.ahead(letter.at, letter.due)
        else:
            first_due, rest = None, rest + added - running.used(since, letter.at)
        total = running.used(start, letter.at) + rest
        since, made_by = letter.at, letter
        moved += 1
        breach = running.reached(since, rest, first_due)
    yield Promise(since, None, rest, total, breach, made_by)


def _warnings(running: RunningSpans, promise: Promise, terms: Terms) -> Iterator[Expected]:
    for share in terms.soon_due_shares:
        # Exactly seven tenths, for example, and not a second less.
        seconds = promise.rest * _millionths(share) // _MILLION
        reached = running.reached(promise.since, seconds)
        if reached is None or not reached.happened:
            continue
        if promise.until is not None and reached.at >= promise.until:
            continue
        certain = reached.certain or promise.until is not None
        yield Expected(
            reached.at, AlertKind.SOON_DUE, str(share), promise.due or reached.at, certain
        )


def _millionths(share: float) -> int:
    """Return a share in whole millionths as an officer wrote it: 0.7 is not a binary fraction."""
    return round(share * _MILLION)


def _letter_by(running: RunningSpans, promise: Promise, book: RuleBook) -> Reached | None:
    """Return the last moment for a letter to be in time: its lead time before the first date."""
    notice = book.apology.notice_working_hours * WORKING_HOUR
    never_before = -(-promise.rest * _millionths(book.apology.never_before_share) // _MILLION)
    return running.reached(promise.since, max(promise.rest - notice, never_before))


@dataclass(frozen=True)
class StepClock:
    """A step's own clock: it runs and stops with the dossier's."""

    step: StepSpan
    end: datetime | None
    """When it was completed, the next one began or the dossier ended; None while it is open."""
    budget: int | None
    """Working seconds; None if its only deadline is the dossier's."""
    running: RunningSpans

    @cached_property
    def due(self) -> Reached | None:
        """When its budget is used up; None without a budget, or if the clock never ran since."""
        if self.budget is None:
            return None
        return self.running.reached(self.step.started_at, self.budget)

    @property
    def surely_in_time(self) -> bool:
        """Whether it took less elapsed time than its working seconds, so that it cannot be late."""
        if self.budget is None or self.end is None:
            return False
        return (self.end - self.step.started_at).total_seconds() < self.budget


def step_clocks(state: Sla, terms: Terms, found: Course) -> Iterator[StepClock]:
    """Yield the clock of each step that was started, in that order."""
    steps, shares = state.steps, terms.step_shares
    for index, step in enumerate(steps):
        ends = [step.completed_at, state.span.ended_at]
        if index + 1 < len(steps):
            ends.append(steps[index + 1].started_at)
        end = min((e for e in ends if e is not None), default=None)
        if len(shares) < 2 or step.ordinal >= len(shares):
            # A single step has the dossier's own deadline.
            yield StepClock(step, end, None, found.running)
            continue
        budget = round(found.total * shares[step.ordinal])
        yield StepClock(step, end, budget, found.running)


def _late_steps(clocks: Iterable[StepClock]) -> Iterator[Expected]:
    for clock in clocks:
        if clock.surely_in_time:
            continue  # most steps are, and this check is cheap
        due, end = clock.due, clock.end
        if due is not None and due.happened and (end is None or due.at < end):
            about = str(clock.step.ordinal)
            yield Expected(
                due.at, AlertKind.STEP_OVERDUE, about, due.at, due.certain or end is not None
            )


def _late_answers(state: Sla, terms: Terms) -> Iterator[Expected]:
    """Yield late answers. An authority's own hours count; its clock runs on in a pause."""
    ended = state.span.ended_at
    told: set[tuple[str, datetime]] = set()
    for asked in consultations(state, terms):
        # An answer after the dossier's end was awaited only until that end.
        end = min((e for e in (asked.answered_at, ended) if e is not None), default=None)
        # A unit that is reminded before its office opens owes one answer, not two.
        if (end is None or asked.due < end) and (asked.unit, asked.due) not in told:
            told.add((asked.unit, asked.due))
            yield Expected(
                asked.due, AlertKind.CONSULTATION_OVERDUE, asked.unit, asked.due, end is not None
            )


@dataclass(frozen=True, slots=True)
class ConsultationTerm:
    """A question to another authority, which has its own time to answer."""

    unit: str
    opened_at: datetime
    due: datetime
    answered_at: datetime | None


def consultations(state: Sla, terms: Terms) -> list[ConsultationTerm]:
    """Return each question to another authority, with its answer if any, as routing pairs them.

    An answer without a question does not count, nor does a question before the dossier's reception
    or after its end.
    """
    asked = [a for a in state.consultations if not a.answer]
    pairs = paired(
        [Question(a.at, a.id, a.unit, "", "") for a in asked],
        [Answer(a.at, a.id, a.unit, "", "") for a in state.consultations if a.answer],
    )
    budgets = {(a.unit, a.at): a.budget for a in asked}
    received, ended = state.span.received_at, state.span.ended_at
    found: list[ConsultationTerm] = []
    for pair in pairs:
        opened = pair.opened_at
        if opened is None or received is None or opened < received:
            continue
        if ended is not None and opened >= ended:
            continue
        budget = budgets[pair.unit, opened] or terms.book.consultation.budget
        due = terms.calendars.for_unit(pair.unit).due(opened, budget)
        found.append(ConsultationTerm(pair.unit, opened, due, pair.answered_at))
    return found


def _demands(marks: Sequence[Mark], span: Span) -> list[datetime]:
    """Return when a supplement was demanded; a further demand counts only after a delivery."""
    received, ended = span.received_at, span.ended_at
    if received is None:
        return []
    asked = False
    found: list[datetime] = []
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
            found.append(mark.time)
    return found
