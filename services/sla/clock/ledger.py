"""The ledger of a dossier's time: where each second went, on whose account, and what is due when.

Nothing here is stored: all of it is computed each time from the facts and the rules. Times are UTC;
seconds are whole, and working seconds unless they are called elapsed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise

from contracts.catalogue.load import VIETNAM
from services.shared.lifecycle import PublicStatus
from services.shared.working_time import Day
from services.sla.clock.assess import assess
from services.sla.clock.consultation_terms import consultations
from services.sla.clock.course import Course, course
from services.sla.clock.ledger_entries import (
    Announced,
    DueChange,
    FollowingAlert,
    ForeseenDelay,
    GrantedExemption,
    IssuedLetter,
    Overdue,
    RaisedAlert,
)
from services.sla.clock.retraction import retraction_cause
from services.sla.clock.running import RunningSpan
from services.sla.clock.segments import Account, Segment, Total, segments, total
from services.sla.clock.side_clocks import (
    ConsultationTime,
    StepTime,
    consultation_times,
    step_times,
)
from services.sla.clock.terms import Terms
from services.sla.dossier.as_of import as_of
from services.sla.dossier.state import (
    Alert,
    Assessment,
    Letter,
    LetterStanding,
    Sla,
    letter_standing,
)


@dataclass(frozen=True, slots=True)
class Ledger:
    """All of a dossier's time up to a moment, by what is known now."""

    at: datetime
    """The moment asked about."""
    procedure: str
    workflow: str | None
    """Workflow and version, e.g. ``standard/2``; None if not known."""
    receiving_unit: str
    received_at: datetime
    ended_at: datetime | None
    ended: PublicStatus | None
    """How it ended: processed or withdrawn."""
    status: PublicStatus
    segments: tuple[Segment, ...]
    elapsed_seconds: int
    by_account: dict[Account, Total]
    by_unit: dict[str, Total]
    budget_seconds: int
    """What the procedure allows, plus what letters have added."""
    extended_seconds: int
    """What letters have added."""
    used_seconds: int
    left_seconds: int
    """Negative once more than the budget is used."""
    original_due: datetime
    due: datetime | None
    """None while the clock is stopped."""
    forecast: bool
    """Whether the dossier is open and due in a year whose days off are not decided yet, so that
    the due time may still move."""
    dues: tuple[DueChange, ...]
    """How the due time came about: every change of it, in time order."""
    overdue: Overdue | None
    letter_by: datetime | None
    """The last moment for a letter of apology to be in time; None while the clock is stopped, if it
    had not come before."""
    letters: tuple[IssuedLetter, ...]
    letter: LetterStanding | None
    """What became of the letter that is owed; None if there is none and none is owed."""
    foreseen: ForeseenDelay | None
    exemption: GrantedExemption | None
    supplements: int
    """The number of times a supplement was demanded."""
    repeated_at: datetime | None
    """When a supplement was demanded once more than allowed."""
    steps: tuple[StepTime, ...]
    consultations: tuple[ConsultationTime, ...]
    alerts: tuple[RaisedAlert, ...]
    moments: tuple[FollowingAlert, ...]
    """Warnings, last calls, letters owed, breaches: past and future."""
    announced: tuple[Announced, ...]
    days: tuple[Day, ...]
    """The days on which the clock ran, or will run until the due time, with their working seconds:
    unless the clock is stopped, these add up to the budget."""
    rule: str | None
    """The version of the rules and of the calendar that judged the dossier last."""
    rule_applied: str
    """The version by which this ledger was computed: the one in force."""

    @property
    def unit(self) -> str:
        """The unit that has the dossier, or had it when it ended."""
        return self.segments[-1].unit if self.segments else self.receiving_unit

    @property
    def stands(self) -> bool:
        """Whether the dossier is open and its clock is stopped."""
        return self.ended_at is None and not self.segments[-1].runs

    def due_before(self, moment: datetime) -> datetime | None:
        """Return the due time just before that moment, or the last before the clock stopped."""
        return next((d.due for d in reversed(self.dues) if d.since < moment and d.due), None)

    def due_from(self, moment: datetime) -> datetime | None:
        """Return the due time from that moment on; None while the clock was stopped."""
        return next((d.due for d in reversed(self.dues) if d.since <= moment), None)


def ledger(state: Sla, terms: Terms, at: datetime) -> Ledger | None:
    """Return the ledger as of `at`; None if the clock had not begun by then.

    `at` may be in the future: the ledger then assumes that nothing changes until then. Raise
    OutsideCalendar if it is later than the calendars know.
    """
    known = as_of(state, at)
    if known.procedure is None or known.receiving_unit is None:
        return None
    found, now = course(known, terms), assess(known, terms)
    if found is None or now is None:
        return None
    ended, status, exemption = known.span.ended_at, known.status, known.exemption
    assert status is not None
    until = ended or at
    asked = consultations(known, terms)
    parts = segments(known, found.phases, asked, terms.calendars, until)
    whole = total(parts)
    units = dict.fromkeys(part.unit for part in parts)
    return Ledger(
        at=at,
        procedure=known.procedure,
        workflow=known.workflow,
        receiving_unit=known.receiving_unit,
        received_at=found.running.pieces[0].begin,
        ended_at=ended,
        ended=known.span.ended,
        status=status,
        segments=parts,
        elapsed_seconds=whole.elapsed_seconds,
        by_account={each: total(p for p in parts if p.account is each) for each in Account},
        by_unit={each: total(p for p in parts if p.unit == each) for each in units},
        budget_seconds=now.budget,
        extended_seconds=now.extended,
        used_seconds=whole.used_seconds,
        left_seconds=now.budget - whole.used_seconds,
        original_due=now.original_due,
        due=now.due,
        forecast=ended is None and now.due is not None and terms.calendars.forecast(now.due),
        dues=_dues(known, terms, found),
        overdue=_overdue(found, now, until),
        letter_by=now.letter_by,
        letters=tuple(_letter(each, found) for each in known.letters),
        letter=letter_standing(
            known.letters, now, owed=now.owed_at is not None and now.owed_at <= at
        ),
        foreseen=next((ForeseenDelay(f.at, f.reason) for f in known.foresights), None),
        exemption=(
            GrantedExemption(exemption.at, exemption.ground, exemption.reason)
            if exemption is not None
            else None
        ),
        supplements=now.supplements,
        repeated_at=now.repeated_at,
        steps=step_times(known, terms, found, until),
        consultations=consultation_times(known, terms, until),
        alerts=tuple(_alert(each, known, now) for each in known.alerts),
        moments=tuple(
            FollowingAlert(m.kind, m.about, m.at, m.due, m.certain) for m in now.expected
        ),
        announced=tuple(Announced(each.at, each.due) for each in known.deadlines),
        days=_days(found.running.pieces, now.due, until),
        rule=known.rule,
        rule_applied=terms.rule,
    )


def _dues(known: Sla, terms: Terms, found: Course) -> tuple[DueChange, ...]:
    """Compute the due time anew as of each moment that can have moved it."""
    begin = found.running.pieces[0].begin
    moments = {begin}
    moments.update(phase.since for phase in found.phases)
    moments.update(handler.since for handler in known.handlers)
    moments.update(letter.at for letter in known.letters)
    dues: list[DueChange] = []
    for moment in sorted(each for each in moments if each >= begin):
        then = course(as_of(known, moment), terms)
        assert then is not None
        if not dues or dues[-1].due != then.due:
            dues.append(DueChange(moment, then.due))
    return tuple(dues)


def _overdue(found: Course, now: Assessment, until: datetime) -> Overdue | None:
    since = now.breach_at
    if since is None or since >= until:
        return None
    days = until.astimezone(VIETNAM).date() - since.astimezone(VIETNAM).date()
    return Overdue(since, found.running.used(since, until), days.days)


def _letter(letter: Letter, found: Course) -> IssuedLetter:
    added = sum(
        after.total - before.total
        for before, after in pairwise(found.promises)
        if after.letter == letter
    )
    return IssuedLetter(
        letter.at, letter.form, letter.previous, letter.due, letter.in_time, added > 0, added
    )


def _alert(alert: Alert, known: Sla, now: Assessment) -> RaisedAlert:
    stands = any(m.kind == alert.meant and m.at == alert.at for m in now.expected)
    cause = retraction_cause(alert, known, now) if alert.retracted and not stands else None
    return RaisedAlert(alert.meant, alert.about, alert.at, alert.due, alert.retracted, cause)


def _days(pieces: Sequence[RunningSpan], due: datetime | None, until: datetime) -> tuple[Day, ...]:
    """Return the days of the running pieces, the last of them extended to the due time."""
    stop = due or until
    days: dict[date, Day] = {}
    for piece in pieces:
        end = stop if piece.end is None or piece.end > stop else piece.end
        if due is not None and piece is pieces[-1]:
            end = max(end, due)
        for day in piece.calendar.explain_days(piece.begin, end):
            days[day.date] = _both(days.get(day.date), day)
    return tuple(days[each] for each in sorted(days))


def _both(one: Day | None, other: Day) -> Day:
    """Merge a day that two pieces share; its kind and name are those where more of it counted."""
    if one is None:
        return other
    more = one if one.working_seconds >= other.working_seconds else other
    seconds = one.working_seconds + other.working_seconds
    return Day(more.date, more.kind, seconds, more.name_vi, more.name_en)
