"""The spans in which a dossier's clock ran, each by the calendar of the unit that had it then.

Every clock of a dossier (the whole, a second date, a step) asks this: from here on, when is a
number of working seconds used up?
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from services.shared.lifecycle import ENDED, Phase, PublicStatus
from services.shared.working_time import Calendar, Calendars
from services.sla.dossier.state import Handler

_NEVER = datetime.max.replace(tzinfo=UTC)


class RunningSpan(NamedTuple):
    """A span in which the clock ran at one unit."""

    begin: datetime
    end: datetime | None
    """None if it still runs."""
    unit: str
    calendar: Calendar


class Reached(NamedTuple):
    """When a number of working seconds is used up."""

    at: datetime
    happened: bool
    """Whether the clock runs that long, by what is known; otherwise `at` is when it would have been
    if the last span had not ended."""
    certain: bool
    """Whether ended spans alone decide it, so that the clock's further course cannot change it."""

    def once_stopped(self, moment: datetime) -> Reached:
        """Return the answer of spans whose last one, which still ran, has ended then."""
        return self if self.certain else Reached(self.at, self.at < moment, True)


class RunningSpans:
    """The running spans, called pieces, in time order. Immutable."""

    __slots__ = ("_before", "pieces")

    def __init__(self, pieces: tuple[RunningSpan, ...], before: tuple[int, ...]) -> None:
        self.pieces = pieces
        self._before = before
        """The working seconds before each piece, and before a piece that would follow the last."""

    @classmethod
    def of(cls, pieces: Iterable[RunningSpan]) -> RunningSpans:
        """Return the spans that these pieces make."""
        known = tuple(pieces)
        before = [0]
        for piece in known:
            if piece.end is not None:
                before.append(before[-1] + piece.calendar.measure(piece.begin, piece.end))
        return cls(known, tuple(before))

    def stopped(self, moment: datetime) -> RunningSpans:
        """Return the spans whose last one, which still runs, ends then."""
        last, before = self.pieces[-1], self._before
        length = last.calendar.measure(last.begin, moment)
        ended = RunningSpan(last.begin, moment, last.unit, last.calendar)
        return RunningSpans((*self.pieces[:-1], ended), (*before, before[-1] + length))

    def followed(self, piece: RunningSpan) -> RunningSpans:
        """Return the spans, all of which have ended, with one more."""
        return RunningSpans((*self.pieces, piece), self._before)

    def relabelled(self, piece: RunningSpan) -> RunningSpans | None:
        """Return the one span as another unit's; None if that one keeps other hours."""
        if piece.calendar is not self.pieces[0].calendar:
            return None
        return RunningSpans((piece,), self._before)

    def counts_as(self, other: RunningSpans) -> bool:
        """Return whether all answers are those of the other; only a unit's name may differ."""
        if self is other:
            return True
        if len(self.pieces) > 1 or len(other.pieces) > 1:
            return False
        mine, theirs = self.pieces[0], other.pieces[0]
        return (
            mine.calendar is theirs.calendar
            and mine.begin == theirs.begin
            and mine.end == theirs.end
        )

    def stopped_since(self, known: RunningSpans) -> datetime | None:
        """Return when the clock stopped, if that is all that differs from what was known."""
        last = known.pieces[-1]
        if last.end is not None or len(self.pieces) != len(known.pieces):
            return None
        return self.pieces[-1].end if self.pieces[:-1] == known.pieces[:-1] else None

    def changed_since(self, known: RunningSpans) -> datetime | None:
        """Return from when on these differ from spans that were known before; None if more of these
        than their end may have changed."""
        if self is known:
            return _NEVER
        index = len(known.pieces) - 1
        if len(self.pieces) <= index or self.pieces[:index] != known.pieces[:index]:
            return None
        before, now = known.pieces[index], self.pieces[index]
        if now == before:
            return self.pieces[index + 1].begin if index + 1 < len(self.pieces) else _NEVER
        return now.end if now._replace(end=None) == before else None

    def used(self, since: datetime, until: datetime | None = None) -> int:
        """Return the working seconds from `since` to `until`, or in all pieces that have ended."""
        if until is None and self.pieces and since <= self.pieces[0].begin:
            return self._before[-1]
        total = 0
        for piece in self.pieces:
            begin = piece.begin if piece.begin > since else since
            end = piece.end
            if until is not None and (end is None or until < end):
                end = until
            if end is not None and end > begin:
                total += piece.calendar.measure(begin, end)
        return total

    def as_of(self, moment: datetime) -> RunningSpans:
        """Return the spans as of that moment, not before the first: what ran then runs on."""
        begun = _begun(self.pieces, moment)
        pieces = self.pieces[:begun]
        last = pieces[-1]
        if last.end is None or last.end <= moment:
            return RunningSpans(pieces, self._before[: begun + 1])
        return RunningSpans((*pieces[:-1], last._replace(end=None)), self._before[:begun])

    def ahead(self, since: datetime, until: datetime) -> int:
        """Return the working seconds from `since` to `until` if the clock does not stop on the way.

        Each counts by the hours of the unit that has the dossier then, as far as is known.
        """
        pieces = self.pieces
        index = max(0, _begun(pieces, since) - 1)
        total = 0
        while True:
            piece = pieces[index]
            index += 1
            begin = piece.begin if piece.begin > since else since
            following = pieces[index].begin if index < len(pieces) else None
            if following is None or following != piece.end or following >= until:
                return total + piece.calendar.measure(begin, until)
            total += piece.calendar.measure(begin, following)

    def reached(
        self, since: datetime, seconds: int, first_due: datetime | None = None
    ) -> Reached | None:
        """Return when this many working seconds after `since` are used up; None if no piece
        follows.

        `first_due` is the answer as long as the clock has not stopped since. A promise in days is a
        day for every unit, and may end at another moment than its seconds do (e.g. midnight).
        """
        pieces = self.pieces
        if first_due is None and seconds > 0 and len(pieces) == 1:
            (piece,) = pieces
            if piece.end is None and piece.begin <= since:
                # As it is with most: what was used before `since` need not be counted.
                return Reached(piece.calendar.add(since, seconds), True, False)
        at = _begun(pieces, since) - 1
        start = max(at, 0)
        if at >= 0 and pieces[at].begin < since and (end := pieces[at].end) and end <= since:
            # Except one that ended as it began, at that instant: its promise was broken.
            start += 1
        if start == len(pieces):
            return None
        resumed = start
        if first_due is not None:
            promised, resumed = self._unbroken(start, first_due)
            if promised.happened or resumed == len(pieces):
                return promised
        piece = pieces[start]
        target = self._before[start] + seconds
        if piece.begin < since:
            target += piece.calendar.measure(piece.begin, since)
        # The first piece that is long enough. What is used up at the very end of a piece may be
        # reached before that end, if the office was closed by then, or only with the next piece.
        index = min(bisect_left(self._before, target, start + 1) - 1, len(pieces) - 1)
        index = max(index, resumed)
        while True:
            piece = pieces[index]
            begin, end = piece.begin, piece.end
            rest = target - self._before[index]
            # With no time left, it is due at once, to the millisecond at which it goes on.
            moment = piece.calendar.add(begin, rest) if rest > 0 else begin
            if moment < since:
                moment = since
            happened = end is None or moment < end
            if happened or index == len(pieces) - 1:
                return Reached(moment, happened, end is not None)
            index += 1

    def _unbroken(self, start: int, due: datetime) -> tuple[Reached, int]:
        """Return whether the clock runs until `due` without a stop, and the index after it."""
        index = start
        while True:
            end = self.pieces[index].end
            index += 1
            if end is None or due < end:
                return Reached(due, True, end is not None), index
            if index == len(self.pieces) or self.pieces[index].begin != end:
                return Reached(due, False, True), index


def _begun(pieces: Sequence[RunningSpan], moment: datetime) -> int:
    """Return how many pieces had begun by then. Most dossiers have one."""
    if len(pieces) == 1:
        return int(pieces[0].begin <= moment)
    return bisect_right(pieces, moment, key=_begin)


def _begin(piece: RunningSpan) -> datetime:
    return piece.begin


def running_of(
    known: Sequence[Phase],
    handlers: Sequence[Handler],
    receiving_unit: str,
    calendars: Calendars,
) -> RunningSpans:
    """Return the running spans of the phases, cut where another unit took over."""
    pieces: list[RunningSpan] = []
    for begin, end in _spans(known):
        unit = receiving_unit
        start = begin
        for handler in handlers:
            taker = handler.unit or receiving_unit
            if handler.since <= begin:
                unit = taker
            elif end is not None and handler.since >= end:
                break
            elif taker != unit:
                if handler.since > start:
                    pieces.append(RunningSpan(start, handler.since, unit, calendars.for_unit(unit)))
                start, unit = handler.since, taker
        pieces.append(RunningSpan(start, end, unit, calendars.for_unit(unit)))
    return RunningSpans.of(pieces)


def extended(
    running: RunningSpans,
    was: PublicStatus,
    more: Sequence[Phase],
    handlers: Sequence[Handler],
    newest: Handler | None,
    receiving_unit: str,
    calendars: Calendars,
) -> RunningSpans | None:
    """Return the spans after more phases, or after one more handler, `newest`: the very spans
    if these change nothing, and None unless they come after all that the spans are made of.

    `was`: the status before; `handlers`: all of them.
    """
    if newest is not None:
        return None if more else _handed_over(running, newest, receiving_unit, calendars)
    last = handlers[-1] if handlers else None
    for phase in more:
        runs, piece = phase.status in _RUNS, running.pieces[-1]
        if runs == (piece.end is None) or was in ENDED:
            pass
        elif last is not None and last.since >= phase.since:
            return None
        elif runs:
            unit = (last.unit if last is not None else "") or receiving_unit
            following = RunningSpan(phase.since, None, unit, calendars.for_unit(unit))
            running = running.followed(following)
        else:
            running = running.stopped(phase.since)
        was = phase.status
    return running


def _handed_over(
    running: RunningSpans, newest: Handler, receiving_unit: str, calendars: Calendars
) -> RunningSpans | None:
    last, unit, since = running.pieces[-1], newest.unit or receiving_unit, newest.since
    if since <= last.begin:
        if len(running.pieces) > 1:
            return None
        # As nearly every dossier is routed: at once. Its whole time is the other unit's.
        taken = last._replace(unit=unit, calendar=calendars.for_unit(unit))
        return running if taken == last else running.relabelled(taken)
    if last.end is not None:
        return running if since >= last.end else None
    if unit == last.unit:
        return running
    taken_over = RunningSpan(since, None, unit, calendars.for_unit(unit))
    return running.stopped(since).followed(taken_over)


_RUNS = frozenset({PublicStatus.RECEIVED, PublicStatus.IN_PROCESS})


def _spans(known: Sequence[Phase]) -> list[tuple[datetime, datetime | None]]:
    found: list[tuple[datetime, datetime | None]] = []
    begin: datetime | None = None
    for phase in known:
        if phase.status in _RUNS:
            begin = begin or phase.since
        elif begin is not None:
            found.append((begin, phase.since))
            begin = None
        if phase.status in ENDED:
            break
    if begin is not None:
        found.append((begin, None))
    return found
