"""The files that the calendars are read from: what is wrong is named by file and place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from contracts.catalogue import load_catalogue
from contracts.rules import RulesError, sample_rules
from services.shared.working_time import Calendars, load_calendars
from services.shared.working_time.holidays_vn import LAST_DECIDED_YEAR
from services.shared.working_time.office_hours import read_office_hours

VIETNAM = timezone(timedelta(hours=7))
GOOD_HOURS = '[patterns.default]\nmonday = ["08:00-12:00", "13:00-17:00"]\n'
GOOD_DAY = """[[days]]
date = 2027-02-11
kind = "off"
reason = "Thêm một ngày nghỉ"
source = "Quyết định thử"
"""


def calendars_of(hours: str = GOOD_HOURS, overrides: str = GOOD_DAY) -> Calendars:
    """The calendars of a set of rules with these two files."""
    files = {"office_hours.toml": hours, "overrides.toml": overrides}
    return load_calendars({**sample_rules().files, **files})


def fault_of(hours: str = GOOD_HOURS, overrides: str = GOOD_DAY) -> str:
    with pytest.raises(RulesError) as caught:
        calendars_of(hours, overrides)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "patterns: Field required"),
        ("patterns = {}\n", "patterns: "),
        ('[patterns.other]\nmonday = ["08:00-12:00"]\n', "[patterns.default] is missing"),
        ("[patterns.default]\n", "patterns.default: no hours from Monday to Friday"),
        (
            '[patterns.default]\nsaturday = ["08:00-12:00"]\n',
            "patterns.default: no hours from Monday to Friday",
        ),
        (
            '[patterns.default]\nmonday = ["8-12"]\n',
            "patterns.default.monday: '8-12' is no time span: write it like \"07:30-11:30\"",
        ),
        ("[patterns.default]\nmonday = [8]\n", "patterns.default.monday: 8 is no time span"),
        (
            '[patterns.default]\nmonday = "08:00-12:00"\n',
            "patterns.default.monday: write a list of time spans",
        ),
        (
            '[patterns.default]\nmonday = ["12:00-08:00"]\n',
            "patterns.default.monday: '12:00-08:00' closes before it opens",
        ),
        (
            '[patterns.default]\nmonday = ["08:00-08:60"]\n',
            "patterns.default.monday: '08:00-08:60': an hour has the minutes 00 to 59",
        ),
        (
            '[patterns.default]\nmonday = ["08:00-24:01"]\n',
            "patterns.default.monday: '08:00-24:01': a day ends at 24:00",
        ),
        (
            '[patterns.default]\nmonday = ["13:00-17:00", "08:00-12:00"]\n',
            "patterns.default.monday: '08:00-12:00' does not begin after '13:00-17:00' has ended",
        ),
        ('[patterns.default]\nmonady = ["08:00-12:00"]\n', "patterns.default.monady: Extra"),
        (GOOD_HOURS + '[units]\n"H29.1" = "late"\n', "[units] H29.1: there is no [patterns.late]"),
        (GOOD_HOURS + '[units]\nnobody = "default"\n', "units.nobody"),
        ('[reading]\nworking_days = "six"\n' + GOOD_HOURS, "reading.working_days: Input should be"),
        ("[patterns\n", "office_hours.toml: not TOML: Expected ']' at the end of a table"),
    ],
)
def test_a_fault_in_the_office_hours_is_named_by_its_place(text: str, fault: str) -> None:
    assert fault in fault_of(hours=text)
    assert fault_of(hours=text).startswith("office_hours.toml: ")


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ("[[days]]\ndate = 2027-02-30\n", "not TOML: Invalid date"),
        ("[[days]]\n", "line 7, [[days]] number 2, date: Field required"),
        (
            GOOD_DAY.replace("2027-02-11", '"2027-02-12"'),
            "line 7, [[days]] number 2, date: write a day without quotes",
        ),
        (
            GOOD_DAY.replace("2027-02-11", "2027-02-12T00:00:00"),
            "line 7, [[days]] number 2, date: write a day without quotes and without a time",
        ),
        (
            GOOD_DAY.replace("2027", "2041"),
            "line 7, [[days]] number 2, date: 2041-02-11 is outside the calendar's years",
        ),
        (
            GOOD_DAY.replace('"off"', '"holiday"'),
            "line 7, [[days]] number 2, kind: Input should be 'off' or 'working'",
        ),
        (
            GOOD_DAY.replace("source", "sauce"),
            "line 7, [[days]] number 2, source: Field required",
        ),
        (
            GOOD_DAY,
            "line 7, [[days]] number 2: 2027-02-11 is there already: line 1, [[days]] number 1",
        ),
        (
            "last_decided_year = 2027\n",
            "line 1, [[days]] number 1, last_decided_year: Extra inputs are not permitted",
        ),
        ("[day]\n", "day: Extra inputs are not permitted"),
    ],
)
def test_a_fault_in_the_overrides_is_named_by_its_line_and_entry(more: str, fault: str) -> None:
    found = fault_of(overrides=f"{GOOD_DAY}\n{more}")
    assert fault in found
    assert found.startswith("overrides.toml: ")


@pytest.mark.parametrize("year", ["1999", "2041", '"next"'])
def test_a_decided_year_that_the_calendars_do_not_know_is_refused(year: str) -> None:
    found = fault_of(overrides=f"last_decided_year = {year}\n")
    assert "overrides.toml: last_decided_year: Input should be" in found


@pytest.mark.parametrize(("year", "last"), [(2020, 2026), (2026, 2026), (2027, 2027), (2040, 2040)])
def test_an_override_file_can_say_that_a_later_year_is_decided(year: int, last: int) -> None:
    before = calendars_of()
    assert before.last_decided_year == LAST_DECIDED_YEAR == 2026
    after = calendars_of(overrides=f"last_decided_year = {year}\n{GOOD_DAY}")
    assert after.last_decided_year == last
    assert after.version == before.version  # no due time depends on it


def test_a_term_is_a_forecast_from_the_first_second_of_the_year_that_is_not_decided() -> None:
    calendars = load_calendars()
    midnight = datetime(2027, 1, 1, tzinfo=VIETNAM)
    assert not calendars.forecast(midnight - timedelta(seconds=1))
    assert not calendars.forecast(midnight)  # the end of the day before
    assert calendars.forecast(midnight + timedelta(seconds=1))
    assert not calendars.forecast(datetime(2026, 12, 31, 17, tzinfo=UTC))
    assert calendars.forecast(datetime(2026, 12, 31, 17, 0, 1, tzinfo=UTC))


def test_an_empty_override_file_leaves_the_package_alone() -> None:
    monday = datetime(2027, 2, 8, 8, tzinfo=VIETNAM)  # the third day of Tết
    calendar = calendars_of(overrides="").for_unit("H29.15")
    assert calendar.measure(monday, monday + timedelta(1)) == 0


def test_an_override_can_send_a_holiday_back_to_work() -> None:
    worked = GOOD_DAY.replace("2027-02-11", "2027-02-08").replace('"off"', '"working"')
    monday = datetime(2027, 2, 8, tzinfo=VIETNAM)
    calendar = calendars_of(overrides=worked).for_unit("H29.15")
    assert calendar.measure(monday, monday + timedelta(1)) == 8 * 3600
    assert calendar.explain_days(monday, monday)[0].kind == "working"


def test_the_version_names_the_package_and_changes_with_what_decides() -> None:
    first = calendars_of().version
    assert first.startswith("vn-holidays-")
    assert calendars_of().version == first
    assert calendars_of(overrides="# a remark\n" + GOOD_DAY).version == first
    another_day = GOOD_DAY.replace("-11", "-12")
    second = calendars_of(overrides=another_day).version
    assert second != first
    later = GOOD_HOURS.replace("17:00", "17:01")
    third = calendars_of(later, another_day).version
    assert third not in (first, second)
    midnight = '[reading]\ncalendar_days_end = "midnight"\n' + GOOD_HOURS
    assert calendars_of(midnight, another_day).version not in (first, second, third)


def test_a_unit_that_is_not_named_keeps_the_default_hours() -> None:
    late = '[patterns.late]\nmonday = ["12:00-20:00"]\n[units]\n"H29.15" = "late"\n'
    calendars = calendars_of(GOOD_HOURS + late)
    evening = datetime(2024, 3, 4, 18, tzinfo=VIETNAM)
    end = evening + timedelta(hours=1)
    assert calendars.for_unit("H29.15").measure(evening, end) == 3600
    assert calendars.for_unit("H29.16").measure(evening, end) == 0


def test_every_unit_with_its_own_hours_is_in_the_catalogue() -> None:
    named = read_office_hours(sample_rules().files["office_hours.toml"]).units
    assert set(named) <= set(load_catalogue().units)
