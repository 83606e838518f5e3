"""Times as the tests write them: in Vietnam, most of them in March 2024."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

VIETNAM = timezone(timedelta(hours=7))


def vietnam(text: str) -> datetime:
    """A time like ``2024-03-04 08:00``, in Vietnam."""
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM).astimezone(UTC)


def at(day: int, clock: str = "08:00", *, month: str = "2024-03") -> datetime:
    """A time of a month in Vietnam; the 4th, 11th and 18th of March 2024 are Mondays."""
    return vietnam(f"{month}-{day:02} {clock}")
