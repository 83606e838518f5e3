"""The spans in which a dossier's clock ran, each by the calendar of the unit that had it then.

Every clock of a dossier (the whole, a second date, a step) asks this: from here on, when is a
number of working seconds used up?
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime
from itertools import zip_longest
from typing import NamedTuple

from services.shared.lifecycle import ENDED, Phase, PublicStatus
from services.shared.working_time import Calendar, Calendars
from services.sla.dossier.state import Handler


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


class RunningSpans:
    """The running spans, called pieces, in time order."""

    __slots__ = ("_before", "pieces")

    def __init__(self, pieces: Sequence[RunningSpan]) -> None:
        self.pieces = pieces
        self._before = [0]
        """The working seconds before each piece, and before a piece that would follow the last."""
        for piece in pieces:
            if piece.end is not None:
                length = piece.calendar.measure(piece.begin, piece.end)
                self._before.append(self._before[-1] + length)

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
        begun = [piece for piece in self.pieces if piece.begin <= moment]
        last = begun[-1]
        if last.end is not None and last.end > moment:
            begun[-1] = last._replace(end=None)
        return RunningSpans(begun)

    def ahead(self, since: datetime, until: datetime) -> int:
        """Return the working seconds from `since` to `until` if the clock does not stop on the way.

        Each counts by the hours of the unit that has the dossier then, as far as is known.
        """
        begun = sum(piece.begin <= since for piece in self.pieces)
        coming = self.pieces[max(0, begun - 1) :]
        total = 0
        for piece, following in zip_longest(coming, coming[1:]):
            begin = piece.begin if piece.begin > since else since
            if following is None or following.begin != piece.end or following.begin >= until:
                return total + piece.calendar.measure(begin, until)
            total += piece.calendar.measure(begin, following.begin)
        return total

    def reached(
        self, since: datetime, seconds: int, first_due: datetime | None = None
    ) -> Reached | None:
        """Return when this many working seconds after `since` are used up; None if no piece
        follows.

        `first_due` is the answer as long as the clock has not stopped since. A promise in days is a
        day for every unit, and may end at another moment than its seconds do (e.g. midnight).
        """
        pieces = self.pieces
        at = bisect_right(pieces, since, key=_begin) - 1
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
    return RunningSpans(pieces)


def _spans(known: Sequence[Phase]) -> list[tuple[datetime, datetime | None]]:
    found: list[tuple[datetime, datetime | None]] = []
    begin: datetime | None = None
    for phase in known:
        if phase.status is PublicStatus.RECEIVED or phase.status is PublicStatus.IN_PROCESS:
            begin = begin or phase.since
        elif begin is not None:
            found.append((begin, phase.since))
            begin = None
        if phase.status in ENDED:
            break
    if begin is not None:
        found.append((begin, None))
    return found
