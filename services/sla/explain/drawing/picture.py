"""What a drawing of a dossier's time shows, whether drawn with characters or as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from contracts.catalogue.load import VIETNAM
from services.shared.working_time import DayKind
from services.sla.clock.ledger import Ledger
from services.sla.clock.terms import Terms
from services.sla.explain.words import Words

PROJECTED, LATE = "projected", "late"
"""What a bar can show besides the reasons of segments."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A span on the line of the whole dossier."""

    begin: datetime
    end: datetime
    kind: str
    """The segment's reason, `LATE` after the due time, or `PROJECTED` from now to the due time."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A clock besides the dossier's own: a step's, or another authority's."""

    label: str
    begin: datetime
    end: datetime
    due: datetime | None
    late: bool


@dataclass(frozen=True, slots=True)
class Shade:
    """Days off that follow one another."""

    begin: datetime
    end: datetime
    kind: DayKind
    """Weekly rest or public holidays."""


@dataclass(frozen=True, slots=True)
class Milestone:
    """A moment with its name."""

    at: datetime
    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Picture:
    """All parts of the drawing, on one time scale."""

    begin: datetime
    end: datetime
    bars: tuple[Bar, ...]
    lanes: tuple[Lane, ...]
    shades: tuple[Shade, ...]
    marks: tuple[Milestone, ...]

    def share(self, at: datetime) -> float:
        """Return a moment's place, from 0 at the left to 1 at the right."""
        return min(1.0, max(0.0, (at - self.begin) / (self.end - self.begin)))


def picture(shown: Ledger, terms: Terms, words: Words) -> Picture:
    """Return the picture of a ledger, from reception to the latest of end, now and deadlines."""
    until = shown.ended_at or shown.at
    lanes = tuple(_lanes(shown, until, words))
    marks = tuple(sorted(_marks(shown, words), key=lambda mark: mark.at))
    last = max(until, *(mark.at for mark in marks), *(lane.due or lane.end for lane in lanes))
    span = max(last - shown.received_at, timedelta(hours=1))
    return Picture(
        begin=shown.received_at,
        end=shown.received_at + span * 1.03,
        bars=tuple(_bars(shown, until)),
        lanes=lanes,
        shades=_shades(shown, terms, until, last),
        marks=marks,
    )


def ticks(picture: Picture, most: int) -> list[tuple[datetime, str]]:
    """Return at most `most` moments that divide the scale evenly, each with its name."""
    for step in (1, 2, 3, 6, 12):
        if (found := _every(picture, timedelta(hours=step))) is not None and len(found) <= most:
            return [(at, f"{at:%d/%m}" if at.hour == 0 else f"{at:%H:%M}") for at in found]
    for days in (1, 2, 7, 14):
        if (found := _every(picture, timedelta(days=days))) is not None and len(found) <= most:
            return [(at, f"{at:%d/%m}") for at in found]
    firsts = [
        datetime(year, month, 1, tzinfo=VIETNAM)
        for year in range(picture.begin.year, picture.end.year + 2)
        for month in range(1, 13)
    ]
    firsts = [first for first in firsts if picture.begin <= first <= picture.end]
    by = next((n for n in (1, 2, 3, 6, 12, 24, 60) if len(firsts[::n]) <= most), 120)
    return [(first, f"{first:%m/%Y}") for first in firsts[::by]]


def _every(picture: Picture, step: timedelta) -> list[datetime] | None:
    """Return the moments at that step, counted from a Monday's midnight; None if far too many."""
    if (picture.end - picture.begin) / step > 200:
        return None
    day = picture.begin.astimezone(VIETNAM).date()
    at = datetime.combine(day - timedelta(days=day.weekday()), time(), VIETNAM)
    at += -((at - picture.begin) // step) * step
    found = []
    while at <= picture.end:
        found.append(at)
        at += step
    return found


def _bars(shown: Ledger, until: datetime) -> Iterator[Bar]:
    late_from = shown.overdue.since if shown.overdue is not None else None
    for part in shown.segments:
        begin, end = part.begin, part.end or until
        if part.runs and late_from is not None and late_from < end:
            if begin < late_from:
                yield Bar(begin, late_from, part.reason)
            yield Bar(max(begin, late_from), end, LATE)
        else:
            yield Bar(begin, end, part.reason)
    if shown.ended_at is None and shown.due is not None and shown.due > until:
        yield Bar(until, shown.due, PROJECTED)


def _lanes(shown: Ledger, until: datetime, words: Words) -> Iterator[Lane]:
    for step in shown.steps:
        label = words.step(shown.workflow, step.step)
        yield Lane(label, step.begin, step.end or until, step.due, step.late)
    for asked in shown.consultations:
        label = f"{words.word('ask')} {asked.unit}"
        end = min(asked.answered_at or until, until)
        yield Lane(label, asked.asked_at, end, asked.due, asked.late)


def _marks(shown: Ledger, words: Words) -> Iterator[Milestone]:
    moments = [("received", shown.received_at)]
    moments += [("letter", letter.at) for letter in shown.letters]
    if shown.due != shown.original_due:
        moments.append(("original", shown.original_due))
    if shown.due is not None:
        moments.append(("due", shown.due))
    elif shown.overdue is not None:
        moments.append(("overdue-since", shown.overdue.since))
    moments.append(("now", shown.at) if shown.ended_at is None else ("ended", shown.ended_at))
    for kind, at in moments:
        yield Milestone(at, kind, f"{words.word(kind)}: {words.short(at)}")
    for before, after in pairwise(shown.segments):
        if before.unit != after.unit:
            name = f"{words.word('handed-over')} {after.unit}"
            yield Milestone(after.begin, "handed-over", f"{name}: {words.short(after.begin)}")


def _shades(shown: Ledger, terms: Terms, until: datetime, last: datetime) -> tuple[Shade, ...]:
    """Return days off by the calendar of the unit that had the dossier then, or would have."""
    off: dict[date, DayKind] = {}
    spans = [(part.unit, part.begin, part.end or until) for part in shown.segments]
    for unit, since, to in (*spans, (shown.unit, until, last)):
        for day in terms.calendars.for_unit(unit).explain_days(since, to):
            if day.kind in (DayKind.WEEKEND, DayKind.HOLIDAY):
                off[day.date] = day.kind
    return tuple(_runs(sorted(off.items())))


def _runs(days: Sequence[tuple[date, DayKind]]) -> Iterator[Shade]:
    first: date | None = None
    for index, (day, kind) in enumerate(days):
        first = first or day
        tomorrow = day + timedelta(days=1)
        if index + 1 == len(days) or days[index + 1] != (tomorrow, kind):
            begin, end = (datetime.combine(each, time(), VIETNAM) for each in (first, tomorrow))
            yield Shade(begin, end, kind)
            first = None
