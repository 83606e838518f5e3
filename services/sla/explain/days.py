"""Sentences about which days count: public holidays by name, weekly rest, and make-up days."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from services.shared.working_time import Day, DayKind
from services.sla.explain.words import Words

_MANY = 24
"""From this many days of weekly rest on, only their number is told."""


def days_that_count(days: Sequence[Day], words: Words) -> Iterator[str]:
    """Yield sentences about the days of a span in which the clock ran that are not ordinary."""
    first, last = days[0].date, days[-1].date
    if first == last:
        span = words.say("span-of-a-day", day=words.day(first))
    else:
        span = words.say("span", first=words.day(first), last=words.day(last))
    kinds = {kind: [day for day in days if day.kind is kind] for kind in DayKind}
    weekends = [day.date for day in kinds[DayKind.WEEKEND]]
    if holidays := kinds[DayKind.HOLIDAY]:
        yield words.say("holidays", span=span, days=_named(holidays, words))
    if weekends:
        count = words.counted("days", len(weekends))
        if len(weekends) < _MANY:
            yield words.say("weekends", span=span, count=count, days=words.days(weekends))
        else:
            yield words.say("weekends-many", span=span, count=count)
    if make_ups := kinds[DayKind.MAKE_UP]:
        yield words.say("make-ups", span=span, days=_named(make_ups, words))
    if first != last and not (holidays or weekends or make_ups):
        yield words.say("no-days-off", span=span)


def _named(days: Sequence[Day], words: Words) -> str:
    return "; ".join(
        words.say(
            "named-day",
            name=day.name_vi if words.vietnamese else day.name_en,
            day=words.day(day.date),
        )
        for day in days
    )
