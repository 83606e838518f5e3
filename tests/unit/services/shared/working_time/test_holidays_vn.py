"""Which days are off and which are worked, checked by hand against the published calendars."""

from __future__ import annotations

import timeit
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from contracts.events.sla import Budget, TimeUnit
from contracts.rules import sample_rules
from services.shared.working_time import DayKind, OutsideCalendar, load_calendars
from services.shared.working_time.holidays_vn import (
    FIRST_YEAR,
    LAST_DECIDED_YEAR,
    LAST_YEAR,
    package_days,
    read_overrides,
    special_days,
)

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
        # Tết of four days, no day of the Hùng Kings. No swap is known.
        (2000, "3/1 4/2 7/2 8/2 9/2 1/5 2/5 4/9"),
        (2001, "1/1 23/1 24/1 25/1 26/1 30/4 1/5 3/9"),
        (2002, "1/1 11/2 12/2 13/2 14/2 30/4 1/5 2/9"),
        (2003, "1/1 31/1 3/2 4/2 5/2 30/4 1/5 2/9"),
        (2004, "1/1 21/1 22/1 23/1 26/1 30/4 3/5 2/9"),
        (2005, "3/1 8/2 9/2 10/2 11/2 2/5 3/5 2/9"),
        (2006, "2/1 30/1 31/1 1/2 2/2 1/5 2/5 4/9"),
        # The day of the Hùng Kings.
        (2007, "1/1 16/2 19/2 20/2 21/2 26/4 30/4 1/5 3/9"),
        (2008, "1/1 6/2 7/2 8/2 11/2 15/4 30/4 1/5 2/9"),
        (2009, "1/1 26/1 27/1 28/1 29/1 6/4 30/4 1/5 2/9"),
        # Swaps.
        (2010, "1/1 15/2 16/2 17/2 18/2 19/2 23/4 30/4 3/5 2/9 3/9"),
        (2011, "3/1 31/1 1/2 2/2 3/2 4/2 7/2 11/4 12/4 2/5 3/5 2/9"),
        (2012, "2/1 23/1 24/1 25/1 26/1 27/1 2/4 30/4 1/5 3/9 31/12"),
        (2013, "1/1 11/2 12/2 13/2 14/2 15/2 19/4 29/4 30/4 1/5 2/9"),
        # Tết of five days.
        (2014, "1/1 28/1 29/1 30/1 31/1 3/2 4/2 5/2 9/4 30/4 1/5 2/5 1/9 2/9"),
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
        # A forecast: the law of 2026.
        (2038, "1/1 2/2 3/2 4/2 5/2 8/2 13/4 30/4 3/5 2/9 3/9 24/11"),
        (2040, "2/1 10/2 13/2 14/2 15/2 16/2 20/4 30/4 1/5 3/9 4/9 26/11"),
    ],
)
def test_the_weekdays_off_are_those_of_the_law_and_the_decisions(year: int, off: str) -> None:
    assert days_off(year) == set(off.split())


def test_the_make_up_days_are_those_that_were_announced() -> None:
    assert worked_weekend_days(2000, 2040) == {
        "2010-02-27",
        "2010-09-11",
        "2011-01-29",
        "2011-01-30",  # the one Sunday
        "2011-04-09",
        "2012-02-04",
        "2013-01-05",
        "2013-02-23",
        "2013-05-04",
        "2014-01-25",
        "2014-02-08",
        "2014-04-26",
        "2014-09-06",
        "2014-12-27",
        "2015-02-14",
        "2015-04-25",
        "2019-01-05",
        "2019-05-04",
        "2024-05-04",
        "2025-04-26",
        "2026-01-10",
        "2026-08-22",
    }


@pytest.mark.parametrize("year", range(2000, 2041))
def test_every_year_has_the_laws_days_off_and_those_that_were_swapped(year: int) -> None:
    law = 8
    for since in (2007, 2014, 2021, 2026):  # Hùng Kings, Tết, National Day, Cultural Day
        law += year >= since
    assert len(days_off(year)) == law + len(SWAPPED.get(year, "").split())


SWAPPED = {
    2010: "19/2 3/9",
    2011: "31/1 1/2 11/4",
    2012: "27/1 31/12",
    2013: "15/2 29/4",
    2014: "28/1 29/1 2/5 1/9",
    2015: "2/1 16/2 29/4",
    2018: "31/12",
    2019: "29/4",
    2024: "29/4",
    2025: "2/5",
    2026: "2/1 31/8",
}
"""The days off that were worked on another day."""


def test_every_swapped_day_is_off_and_as_many_days_are_made_up() -> None:
    for year, swapped in SWAPPED.items():
        assert set(swapped.split()) <= days_off(year)
    swaps = sum(len(swapped.split()) for swapped in SWAPPED.values())
    assert len(worked_weekend_days(2000, 2040)) == swaps


# First days of the lunar year, and the tenth of its third month, by the new moons at 105 degrees
# east (Ho Ngoc Duc's algorithm), which is not how the package has them. China has 18 February in
# 2007 and 3 February in 2030.
LUNAR = """
2000-02-05 2000-04-14   2001-01-24 2001-04-03   2002-02-12 2002-04-22   2003-02-01 2003-04-11
2004-01-22 2004-04-28   2005-02-09 2005-04-18   2006-01-29 2006-04-07   2007-02-17 2007-04-26
2008-02-07 2008-04-15   2009-01-26 2009-04-04   2010-02-14 2010-04-23   2011-02-03 2011-04-12
2012-01-23 2012-03-31   2013-02-10 2013-04-19   2014-01-31 2014-04-09   2015-02-19 2015-04-28
2016-02-08 2016-04-16   2017-01-28 2017-04-06   2018-02-16 2018-04-25   2019-02-05 2019-04-14
2020-01-25 2020-04-02   2021-02-12 2021-04-21   2022-02-01 2022-04-10   2023-01-22 2023-04-29
2024-02-10 2024-04-18   2025-01-29 2025-04-07   2026-02-17 2026-04-26   2027-02-06 2027-04-16
2028-01-26 2028-04-04   2029-02-13 2029-04-23   2030-02-02 2030-04-12   2031-01-23 2031-04-01
2032-02-11 2032-04-19   2033-01-31 2033-04-09   2034-02-19 2034-04-28   2035-02-08 2035-04-17
2036-01-28 2036-04-06   2037-02-15 2037-04-24   2038-02-04 2038-04-13   2039-01-24 2039-04-03
2040-02-12 2040-04-20
"""


def test_the_lunar_holidays_are_those_of_vietnams_calendar() -> None:
    known = package_days()
    lunar = [date.fromisoformat(day) for day in LUNAR.split()]
    assert sorted({day.year for day in lunar}) == list(range(FIRST_YEAR, LAST_YEAR + 1))
    for tet, kings in zip(lunar[::2], lunar[1::2], strict=True):
        assert known[tet].name_en == "Lunar New Year"
        assert known[tet - timedelta(days=1)].name_en == "Lunar New Year's Eve"
        is_off = kings in known and known[kings].name_en == "Hung Kings' Commemoration Day"
        assert is_off is (kings.year >= 2007)


def test_a_holiday_on_a_sunday_is_made_good_on_monday_and_says_so() -> None:
    sunday, monday, tuesday = OFFICE.explain_days(at(2012, 9, 2), at(2012, 9, 4, 17))
    assert (sunday.kind, sunday.name_vi) == (DayKind.HOLIDAY, "Quốc khánh")
    assert (monday.kind, monday.name_vi) == (DayKind.HOLIDAY, "Quốc khánh (nghỉ bù)")
    assert (tuesday.kind, tuesday.working_seconds) == (DayKind.WORKING, 8 * 3600)


def test_the_last_decided_year_is_that_of_the_last_swap() -> None:
    days = special_days(read_overrides(sample_rules().files["overrides.toml"])).values()
    assert max(day.date.year for day in days if day.works) == LAST_DECIDED_YEAR == 2026


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


@pytest.mark.parametrize("moment", [at(1999, 12, 31, 23, 59), at(2041, 1, 1)])
def test_a_time_outside_the_years_is_refused_by_name(moment: datetime) -> None:
    for ask in (
        lambda: OFFICE.measure(moment, at(2024, 1, 1)),
        lambda: OFFICE.add(moment, 0),
        lambda: OFFICE.subtract(moment, 1),
        lambda: OFFICE.add_calendar_days(moment, 1),
        lambda: OFFICE.explain_days(moment, moment),
    ):
        with pytest.raises(OutsideCalendar, match=r"outside the calendar's years 2000 to 2040"):
            ask()


def test_the_first_and_the_last_second_are_inside() -> None:
    last = at(2041, 1, 1) - timedelta(seconds=1)
    assert OFFICE.measure(at(2000, 1, 1), last) > 0


def test_an_answer_outside_the_years_is_refused() -> None:
    end = at(2040, 12, 31, 16)
    assert OFFICE.add(end, 3600) == at(2040, 12, 31, 17)
    with pytest.raises(OutsideCalendar, match="3601 working seconds after"):
        OFFICE.add(end, 3601)
    with pytest.raises(OutsideCalendar, match="is before 2000"):
        OFFICE.subtract(at(2000, 1, 4, 8), 3600)
    with pytest.raises(OutsideCalendar, match="after the calendar's last year, 2040"):
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
