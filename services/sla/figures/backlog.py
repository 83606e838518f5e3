"""What is open at a moment, by age and by how long it has been overdue, in working days.

A working day is eight working hours by the default office hours: so units can be compared. Ages are
not computed for each dossier. The limits between two ages are moments, and a dossier's age is the
number of limits that come after the moment it counts from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from services.runtime import Collection
from services.shared.working_time import WORKING_DAY, Calendar
from services.sla.figures.counting import UNJUDGED, UNROUTED, PeriodCount
from services.sla.figures.figures import Sheet
from services.sla.figures.tables import Measure

_FROM = (0, 2, 6, 11, 21, 41)
"""The whole working days at which each age begins."""


def _ages() -> Iterator[tuple[str, str, int]]:
    """Yield each age: its name, how people write it, and its place."""
    for place, (first, after) in enumerate(pairwise(_FROM)):
        yield f"{first}_{after - 1}", f"{first}-{after - 1}", place
    yield f"{_FROM[-1]}_up", f"≥ {_FROM[-1]}", len(_FROM) - 1


AGES = tuple(_ages())

BACKLOG: Mapping[str, Measure] = {
    "open": Measure("Đang giải quyết", "Open", {}),
    **{
        f"age_{name}": Measure(f"{days} ngày", f"{days} days old", {"age": place})
        for name, days, place in AGES
    },
    "in_time": Measure("Trong hạn", "In time", {"overdue": None, "unjudged": False}),
    **{
        f"overdue_{name}": Measure(
            f"Quá hạn {days} ngày", f"Overdue for {days} days", {"overdue": place}
        )
        for name, days, place in AGES
    },
    "unjudged": Measure("Chưa đủ căn cứ đánh giá", "Unjudged", {"unjudged": True}),
    "unrouted": Measure(
        "Chưa xác định đơn vị có thẩm quyền", "No competent unit", {"unrouted": True}
    ),
}
"""Every number, by name. Open is the sum of all ages, and the sum of in time, overdue and unjudged.
An unjudged dossier has its age since reception. Unrouted dossiers are among the others, at the unit
that received them, as routing stands now."""


def backlog(collection: Collection, reading: PeriodCount, calendar: Calendar) -> Sheet:
    """Return the sheet of what is open at the end of the reading's period, which is a moment.

    Raise OutsideCalendar if the calendar does not know that moment.
    """
    moment = reading.as_of
    limits = [_limit(calendar, moment, days) for days in _FROM[1:]]
    late_since = reading.times()["late_since"]
    traits = {
        "age": _place("$state.span.received_at", limits),
        "overdue": {"$cond": [reading.traits()["late"], _place(late_since, limits), None]},
        "unjudged": UNJUDGED,
        "unrouted": UNROUTED,
    }
    return Sheet(collection, reading, BACKLOG, traits)


def _limit(calendar: Calendar, moment: datetime, days: int) -> datetime:
    """Return the limit: anything before it is at least this many whole working days old.

    The calendar counts whole seconds: what falls within a second counts from its start.
    """
    return calendar.subtract(moment, days * WORKING_DAY) + timedelta(seconds=1)


def _place(since: Any, limits: list[datetime]) -> Any:
    return {"$add": [{"$cond": [{"$lt": [since, limit]}, 1, 0]} for limit in limits]}
