"""Reporting periods begin and end at midnight in Vietnam, which is 17:00 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sla.figures.periods import BadPeriod, Period, month_at, period, quarter_at
from services.sla.figures.snapshots.freezing import due


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("name", "since", "until"),
    [
        ("2025-07", utc(2025, 6, 30, 17), utc(2025, 7, 31, 17)),
        ("2025-12", utc(2025, 11, 30, 17), utc(2025, 12, 31, 17)),
        ("2024-02", utc(2024, 1, 31, 17), utc(2024, 2, 29, 17)),
        ("2025-Q1", utc(2024, 12, 31, 17), utc(2025, 3, 31, 17)),
        ("2025-Q4", utc(2025, 9, 30, 17), utc(2025, 12, 31, 17)),
        ("2025", utc(2024, 12, 31, 17), utc(2025, 12, 31, 17)),
    ],
)
def test_a_named_period_is_that_of_vietnams_calendar(
    name: str, since: datetime, until: datetime
) -> None:
    assert period(name) == Period(since, until, name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "2025-13",
        "2025-00",
        "2025-7",
        "2025-Q5",
        "2025-Q0",
        "2025-q3",
        "25-07",
        "1899",
        "2100",
        "2025-07-01",
        " 2025-07",
        "2025-07\n",
        "20٢٥",
    ],
)
def test_what_is_no_period_is_said_with_what_would_be_one(name: str) -> None:
    with pytest.raises(BadPeriod, match="2025-Q3"):
        period(name)


def test_the_last_moment_of_a_month_is_in_it_and_the_next_one_is_not() -> None:
    july = period("2025-07")
    assert month_at(july.until - timedelta(milliseconds=1)) == july
    assert month_at(july.since) == july
    assert month_at(july.until) == period("2025-08")
    assert quarter_at(july.until) == period("2025-Q3")
    assert quarter_at(july.since - timedelta(milliseconds=1)) == period("2025-Q2")


@given(st.datetimes(datetime(1901, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)))
def test_every_moment_is_in_one_month_and_one_quarter_which_is_three_months(
    moment: datetime,
) -> None:
    month, quarter = month_at(moment), quarter_at(moment)
    for found in (month, quarter):
        assert found.since <= moment < found.until
        assert found.name is not None
        assert period(found.name) == found
    months = [month_at(quarter.since)]
    while months[-1].until < quarter.until:
        months.append(month_at(months[-1].until))
    assert len(months) == 3
    assert all(a.until == b.since for a, b in pairwise(months))
    assert month in months


def test_what_is_due_to_be_frozen_ended_after_the_begin_and_some_days_ago() -> None:
    begun = utc(2025, 5, 20)

    def names(settled: datetime) -> list[str | None]:
        return [each.name for each in due(begun, settled)]

    end_of_may = period("2025-05").until
    assert names(end_of_may - timedelta(milliseconds=1)) == []
    assert names(end_of_may) == ["2025-05"]
    # A quarter comes after its last month.
    assert names(period("2025-06").until) == ["2025-05", "2025-Q2", "2025-06"]
    assert names(utc(2025, 8, 20)) == ["2025-05", "2025-Q2", "2025-06", "2025-07"]
