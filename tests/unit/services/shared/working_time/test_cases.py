"""The worked examples that a clerk can read: tests/data/working_time_cases.toml."""

from __future__ import annotations

import tomllib
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from contracts.events.sla import Budget, TimeUnit
from contracts.rules import sample_rules
from services.shared.working_time import Calendar
from services.shared.working_time.holidays_vn import read_overrides, special_days
from services.shared.working_time.office_hours import Pattern, Reading
from tests.support.paths import TEST_DATA

VIETNAM = timezone(timedelta(hours=7))
FILE = TEST_DATA / "working_time_cases.toml"
DOCUMENT: dict[str, Any] = tomllib.loads(FILE.read_text(encoding="utf-8"))
CASES: list[dict[str, Any]] = DOCUMENT["cases"]
SPECIAL = special_days(read_overrides(sample_rules().files["overrides.toml"]))
UNITS = {
    "working hours": TimeUnit.WORKING_HOURS,
    "working days": TimeUnit.WORKING_DAYS,
    "calendar days": TimeUnit.CALENDAR_DAYS,
}


def calendar_of(case: dict[str, Any]) -> Calendar:
    hours = DOCUMENT["offices"][case.get("office", "weekdays")]
    reading = Reading.model_validate(case.get("reading", {}))
    return Calendar(Pattern.model_validate(hours), SPECIAL, reading)


def in_vietnam(text: str) -> datetime:
    weekday, _, rest = text.partition(" ")
    moment = datetime.fromisoformat(rest).replace(tzinfo=VIETNAM)
    assert moment.strftime("%a") == weekday, f"{text}: that day is a {moment:%a}"
    return moment


def spelled(moment: datetime) -> str:
    local = moment.astimezone(VIETNAM)
    return local.strftime("%a %Y-%m-%d %H:%M" + (":%S" if local.second else ""))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_clerks_example_holds(case: dict[str, Any]) -> None:
    calendar, start = calendar_of(case), in_vietnam(case["start"])
    if "until" in case:
        hours, seconds = divmod(calendar.measure(start, in_vietnam(case["until"])), 3600)
        assert (f"{hours} h", seconds) == (case["used"], 0)
        return
    in_vietnam(case["due"])  # refuses a wrong day of the week
    number, _, unit = case["give"].partition(" ")
    if unit == "working seconds":
        due = calendar.add(start, int(number))
    else:
        due = calendar.due(start, Budget(amount=int(number), unit=UNITS[unit]))
    assert spelled(due) == case["due"]


def test_no_two_examples_have_the_same_name() -> None:
    assert len({case["name"] for case in CASES}) == len(CASES) >= 30
