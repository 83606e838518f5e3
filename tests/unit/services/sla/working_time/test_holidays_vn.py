"""Which days are off and which are worked, checked by hand against the published calendars."""

from __future__ import annotations

import timeit
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from contracts.events.sla import Budget, TimeUnit
from services.sla.working_time import DayKind, OutsideCalendar, load_calendars

VIETNAM = timezone(timedelta(hours=7))
CALENDARS = load_calendars()
# No unit has this code, so it keeps the default office hours.
OFFICE = CALENDARS.for_unit("H00.0")


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=VIETNAM)


def days_off(year: int) -> set[str]:
    """The days from Monday to Friday that nobody worked, as day/month."""
    days = OFFICE.explain_days(at(year, 1, 1), at(year, 12, 31, 23))
    off = [d.date for d in days if d.working_seconds == 0 and d.date.weekday() < 5]
    return {f"{day.day}/{day.month}" for day in off}


def worked_weekend_days(first: int, last: int) -> set[str]:
    days = OFFICE.explain_days(at(first, 1, 1), at(last, 12, 31, 23))
    return {str(day.date) for day in days if day.kind is DayKind.MAKE_UP}


@pytest.mark.parametrize(
    ("year", "off"),
    [
        # Each line: New Year, Tết, Hùng Kings, 30 April and 1 May, National Day, Cultural Day.
        (2018, "1/1 14/2 15/2 16/2 19/2 20/2 25/4 30/4 1/5 3/9 31/12"),
        (2019, "1/1 4/2 5/2 6/2 7/2 8/2 15/4 29/4 30/4 1/5 2/9"),
        (2020, "1/1 23/1 24/1 27/1 28/1 29/1 2/4 30/4 1/5 2/9"),
        (2021, "1/1 10/2 11/2 12/2 15/2 16/2 21/4 30/4 3/5 2/9 3/9"),
        (2022, "3/1 31/1 1/2 2/2 3/2 4/2 11/4 2/5 3/5 1/9 2/9"),
        (2023, "2/1 20/1 23/1 24/1 25/1 26/1 1/5 2/5 3/5 1/9 4/9"),
        (2024, "1/1 8/2 9/2 12/2 13/2 14/2 18/4 29/4 30/4 1/5 2/9 3/9"),
        (2025, "1/1 27/1 28/1 29/1 30/1 31/1 7/4 30/4 1/5 2/5 1/9 2/9"),
        (
            2026,
            "1/1 2/1 16/2 17/2 18/2 19/2 20/2 27/4 30/4 1/5 31/8 1/9 2/9 24/11",
        ),
    ],
)
def test_the_weekdays_off_are_those_that_were_announced(year: int, off: str) -> None:
    assert days_off(year) == set(off.split())


def test_the_make_up_saturdays_are_those_that_were_announced() -> None:
    assert worked_weekend_days(2015, 2026) == {
        "2015-02-14",
        "2015-04-25",
        "2019-01-05",
        "2019-05-04",
        "2024-05-04",
        "2025-04-26",
        "2026-01-10",
        "2026-08-22",
    }


@pytest.mark.parametrize("year", range(2015, 2036))
def test_every_year_has_nine_to_fifteen_weekdays_off(year: int) -> None:
    assert 9 <= len(days_off(year)) <= 15


def test_a_day_says_what_it_is_and_what_it_is_called() -> None:
    days = OFFICE.explain_days(at(2026, 1, 1, 10), at(2026, 1, 10, 10))
    assert [(d.date.day, d.kind, d.working_seconds / 3600) for d in days] == [
        (1, DayKind.HOLIDAY, 0),
        (2, DayKind.HOLIDAY, 0),
        (3, DayKind.WEEKEND, 0),
        (4, DayKind.WEEKEND, 0),
        (5, DayKind.WORKING, 8),
        (6, DayKind.WORKING, 8),
        (7, DayKind.WORKING, 8),
        (8, DayKind.WORKING, 8),
        (9, DayKind.WORKING, 8),
        (10, DayKind.MAKE_UP, 2.5),
    ]
    assert (days[0].name_vi, days[0].name_en) == ("Tết Dương lịch", "New Year's Day")
    assert days[1].name_en == "Day off (swapped with Saturday 10 January 2026)"
    assert days[9].name_vi == "Làm bù cho thứ Sáu 02/01/2026"
    assert days[4].name_vi == ""


def test_a_saturday_desk_is_told_as_a_working_day_and_a_holiday_saturday_as_a_holiday() -> None:
    desk = CALENDARS.for_unit("H29.1")
    assert [day.kind for day in desk.explain_days(at(2024, 3, 9), at(2024, 3, 10))] == [
        DayKind.WORKING,
        DayKind.WEEKEND,
    ]
    assert desk.explain_days(at(2024, 2, 10), at(2024, 2, 10))[0].kind is DayKind.HOLIDAY


def test_the_days_from_late_to_early_are_none() -> None:
    assert OFFICE.explain_days(at(2024, 3, 9), at(2024, 3, 8)) == []


def test_a_day_begins_at_midnight_in_vietnam_wherever_the_clock_stood() -> None:
    days = OFFICE.explain_days(
        datetime(2024, 3, 6, 17, 0, tzinfo=UTC), datetime(2024, 3, 7, 16, 59, tzinfo=UTC)
    )
    assert [day.date for day in days] == [date(2024, 3, 7)]


def test_a_fraction_of_a_second_is_dropped() -> None:
    start = at(2024, 3, 5, 10).replace(microsecond=999_999)
    assert OFFICE.add(start, 1) == at(2024, 3, 5, 10) + timedelta(seconds=1)
    assert OFFICE.add(start, 0) == at(2024, 3, 5, 10)
    assert OFFICE.measure(at(2024, 3, 5, 10), start) == 0


def test_half_a_day_before_a_due_time_is_the_latest_time_to_say_so() -> None:
    assert OFFICE.subtract(at(2024, 2, 15, 7, 30), 3600) == at(2024, 2, 7, 16)
    assert OFFICE.subtract(at(2024, 2, 15, 11, 30), 4 * 3600) == at(2024, 2, 15, 7, 30)
    assert OFFICE.subtract(at(2024, 3, 10, 12), 0) == at(2024, 3, 10, 12)


@pytest.mark.parametrize("moment", [at(2014, 12, 31, 23, 59), at(2036, 1, 1)])
def test_a_time_outside_the_years_is_refused_by_name(moment: datetime) -> None:
    for ask in (
        lambda: OFFICE.measure(moment, at(2024, 1, 1)),
        lambda: OFFICE.add(moment, 0),
        lambda: OFFICE.subtract(moment, 1),
        lambda: OFFICE.add_calendar_days(moment, 1),
        lambda: OFFICE.explain_days(moment, moment),
    ):
        with pytest.raises(OutsideCalendar, match=r"outside the calendar's years 2015 to 2035"):
            ask()


def test_the_first_and_the_last_second_are_inside() -> None:
    last = at(2036, 1, 1) - timedelta(seconds=1)
    assert OFFICE.measure(at(2015, 1, 1), last) > 0


def test_an_answer_outside_the_years_is_refused() -> None:
    end = at(2035, 12, 31, 16)
    assert OFFICE.add(end, 3600) == at(2035, 12, 31, 17)
    with pytest.raises(OutsideCalendar, match="3601 working seconds after"):
        OFFICE.add(end, 3601)
    with pytest.raises(OutsideCalendar, match="is before 2015"):
        OFFICE.subtract(at(2015, 1, 5, 8), 3600)
    with pytest.raises(OutsideCalendar, match="after the calendar's last year, 2035"):
        OFFICE.add_calendar_days(end, 1)
    with pytest.raises(OutsideCalendar):
        OFFICE.due(end, Budget(amount=10_000, unit=TimeUnit.CALENDAR_DAYS))


def test_a_time_without_an_offset_is_refused() -> None:
    naive = datetime(2024, 3, 5, 10)
    for ask in (
        lambda: OFFICE.add(naive, 60),
        lambda: OFFICE.measure(at(2024, 3, 5), naive),
        lambda: OFFICE.explain_days(naive, at(2024, 3, 5)),
    ):
        with pytest.raises(ValueError, match="has no offset from UTC"):
            ask()


def test_a_negative_amount_is_refused_with_the_way_to_ask() -> None:
    with pytest.raises(ValueError, match=r"-1 working seconds: use subtract"):
        OFFICE.add(at(2024, 3, 5), -1)
    with pytest.raises(ValueError, match=r"-1 working seconds: use add"):
        OFFICE.subtract(at(2024, 3, 5), -1)
    with pytest.raises(ValueError, match="0 working days: at least one"):
        OFFICE.add_working_days(at(2024, 3, 5), 0)
    with pytest.raises(ValueError, match="0 calendar days: at least one"):
        OFFICE.add_calendar_days(at(2024, 3, 5), 0)


def test_a_question_takes_microseconds() -> None:
    start, end = at(2019, 3, 5, 10), at(2030, 3, 5, 10)
    for ask in (
        lambda: OFFICE.measure(start, end),
        lambda: OFFICE.add(start, 40 * 3600),
        lambda: OFFICE.subtract(end, 40 * 3600),
        lambda: OFFICE.add_calendar_days(start, 30),
    ):
        # The goal is 5; the rest is room for a busy machine.
        assert min(timeit.repeat(ask, number=1000, repeat=5)) / 1000 < 50e-6
