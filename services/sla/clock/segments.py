"""The segments of a dossier's time: from reception on, each second is on one account.

They follow one another without a gap. Their boundaries are the moments at which something changed:
the dossier's public state, the unit that handles it, or whose answer is awaited.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.shared.lifecycle import CLOCK_STOPPED, Phase, PublicStatus
from services.shared.working_time import Calendars
from services.sla.clock.consultation_terms import ConsultationTerm
from services.sla.dossier.state import Sla, unit_at


class Reason(StrEnum):
    """What a dossier's time is spent on."""

    HANDLING = "handling"
    CONSULTATION = "consultation"
    """Handling goes on while another authority's answer is awaited: the dossier's clock runs on."""
    SUPPLEMENT = "supplement"
    PAYMENT = "payment"
    STOPPED = "stopped"


class Account(StrEnum):
    """Whose time it is."""

    CITIZEN = "citizen"
    UNIT = "unit"
    AUTHORITY = "authority"


_REASONS = {
    PublicStatus.SUPPLEMENT_REQUESTED: Reason.SUPPLEMENT,
    PublicStatus.PAYMENT_REQUESTED: Reason.PAYMENT,
    PublicStatus.STOPPED: Reason.STOPPED,
}
_ACCOUNTS = {
    Reason.HANDLING: Account.UNIT,
    Reason.CONSULTATION: Account.AUTHORITY,
    Reason.SUPPLEMENT: Account.CITIZEN,
    Reason.PAYMENT: Account.CITIZEN,
    Reason.STOPPED: Account.UNIT,
}


@dataclass(frozen=True, slots=True)
class Segment:
    """A span with one reason at one unit."""

    reason: Reason
    account: Account
    unit: str
    """The unit that had the dossier."""
    pattern: str
    """The name of the office hours by which it was counted."""
    consulted: tuple[str, ...]
    """The authorities whose answer was awaited meanwhile."""
    begin: datetime
    end: datetime | None
    """None if it is still going on."""
    runs: bool
    """Whether the clock runs in it."""
    elapsed_seconds: int
    """All seconds, office hours or not; while it goes on, up to the time asked about."""
    office_seconds: int
    """The seconds within the unit's office hours."""
    used_seconds: int
    """The seconds that count: the office hours if the clock runs, else none."""


@dataclass(frozen=True, slots=True)
class Total:
    """The sum of the segments of one account, or of one unit."""

    elapsed_seconds: int
    used_seconds: int


def segments(
    state: Sla,
    known: Sequence[Phase],
    asked: Sequence[ConsultationTerm],
    calendars: Calendars,
    until: datetime,
) -> tuple[Segment, ...]:
    """Return the segments from reception to the end, or to `until` if it has not ended by then.

    Every whole second between the two is in exactly one of them. `until` is not before the
    reception, and nothing that is known happened after it.
    """
    begin, ended = state.span.received_at, state.span.ended_at
    assert begin is not None
    stop = ended or until
    cuts = {begin}
    cuts.update(phase.since for phase in known)
    cuts.update(handler.since for handler in state.handlers)
    cuts.update(question.opened_at for question in asked)
    cuts.update(question.answered_at for question in asked if question.answered_at is not None)
    # A change at the very end makes no segment; a change right now begins one that goes on.
    starts = sorted(cut for cut in cuts if begin <= cut < stop or cut == stop != ended)
    kinds: list[tuple[datetime, Reason, str, tuple[str, ...]]] = []
    for start in starts:
        kind = _kind(state, known, asked, start)
        if not kinds or kinds[-1][1:] != kind:
            kinds.append((start, *kind))
    if not kinds:
        return ()  # it ended at the instant of its reception
    ends = [*(kind[0] for kind in kinds[1:]), stop]
    return tuple(
        _segment(*kind, end=end, lasts=ended is None and number == len(kinds), calendars=calendars)
        for number, (kind, end) in enumerate(zip(kinds, ends, strict=True), start=1)
    )


def seconds_between(begin: datetime, end: datetime) -> int:
    """Return whole seconds. Like working time, drop the fractions of both, so that spans add up."""
    return round((end.replace(microsecond=0) - begin.replace(microsecond=0)).total_seconds())


def total(parts: Iterable[Segment]) -> Total:
    """Return the sum of these segments."""
    elapsed = used = 0
    for part in parts:
        elapsed += part.elapsed_seconds
        used += part.used_seconds
    return Total(elapsed, used)


def _kind(
    state: Sla, known: Sequence[Phase], asked: Sequence[ConsultationTerm], moment: datetime
) -> tuple[Reason, str, tuple[str, ...]]:
    unit = unit_at(state, moment)
    assert unit is not None
    status = next(phase.status for phase in reversed(known) if phase.since <= moment)
    awaited = tuple(
        question.unit
        for question in asked
        if question.opened_at <= moment
        and (question.answered_at is None or moment < question.answered_at)
    )
    if status in CLOCK_STOPPED:
        return _REASONS[status], unit, awaited
    return (Reason.CONSULTATION if awaited else Reason.HANDLING), unit, awaited


def _segment(
    begin: datetime,
    reason: Reason,
    unit: str,
    consulted: tuple[str, ...],
    *,
    end: datetime,
    lasts: bool,
    calendars: Calendars,
) -> Segment:
    runs = reason in (Reason.HANDLING, Reason.CONSULTATION)
    office = calendars.for_unit(unit).measure(begin, end)
    return Segment(
        reason,
        _ACCOUNTS[reason],
        unit,
        calendars.pattern_of(unit),
        consulted,
        begin,
        None if lasts else end,
        runs,
        seconds_between(begin, end),
        office,
        office if runs else 0,
    )
