"""Night is night in Vietnam, to the second, and a morning is one on which people work."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.quiet_hours import VIETNAM, QuietHours, clock_time, morning_after

NIGHT = QuietHours(time(21), time(7))
NOON = QuietHours(time(11, 30), time(13))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


@pytest.mark.parametrize(
    ("quiet", "moment", "sent"),
    [
        (NIGHT, "2024-03-07 20:59:59", "2024-03-07 20:59:59"),
        (NIGHT, "2024-03-07 21:00:00", "2024-03-08 07:00:00"),
        (NIGHT, "2024-03-08 02:00:00", "2024-03-08 07:00:00"),
        (NIGHT, "2024-03-08 06:59:59", "2024-03-08 07:00:00"),
        (NIGHT, "2024-03-08 07:00:00", "2024-03-08 07:00:00"),
        (NIGHT, "2024-12-31 23:30:00", "2025-01-01 07:00:00"),
        (NOON, "2024-03-07 11:30:00", "2024-03-07 13:00:00"),
        (NOON, "2024-03-07 13:00:00", "2024-03-07 13:00:00"),
        (QuietHours(time(0), time(0)), "2024-03-08 02:00:00", "2024-03-08 02:00:00"),
    ],
)
def test_what_comes_at_night_is_sent_in_the_morning(
    quiet: QuietHours, moment: str, sent: str
) -> None:
    assert quiet.over(at(moment)) == at(sent)
    assert quiet.over(at(moment).astimezone(UTC)) == at(sent)


HOURS = st.times().map(lambda t: t.replace(microsecond=0))


@given(HOURS, HOURS, st.datetimes(datetime(2015, 1, 1), datetime(2035, 12, 30)))
def test_nothing_is_sent_early_or_in_the_quiet_hours_or_more_than_a_day_late(
    begins: time, ends: time, moment: datetime
) -> None:
    quiet, asked = QuietHours(begins, ends), moment.replace(tzinfo=UTC)
    sent = quiet.over(asked)
    assert asked <= sent < asked + timedelta(days=1)
    assert quiet.over(sent) == sent


@pytest.mark.parametrize(
    ("moment", "morning"),
    [
        ("2024-03-07 07:29:59", "2024-03-07 07:30:00"),
        ("2024-03-07 07:30:00", "2024-03-08 07:30:00"),
        ("2024-03-08 08:00:00", "2024-03-11 07:30:00"),
        ("2024-03-09 06:00:00", "2024-03-11 07:30:00"),
        ("2024-03-10 23:00:00", "2024-03-11 07:30:00"),
    ],
)
def test_the_next_morning_is_one_from_monday_to_friday(moment: str, morning: str) -> None:
    assert morning_after(at(moment), clock_time("07:30")) == at(morning)
