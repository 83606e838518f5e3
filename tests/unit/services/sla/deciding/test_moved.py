"""Which dates of open dossiers other rules would move, without anything being enacted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from contracts.events.sla import Budget, TimeUnit
from contracts.model import EventData
from services.runtime import World
from services.sla.deciding.moved import MovedDate, moved_date
from tests.support.event import CODE
from tests.support.facts import PROCEDURE, PROCESSED, STOPPED, received, routed
from tests.support.rule_sets import WORLD, added, changed, day_off, newest, timed, world
from tests.support.sla_dossiers import told
from tests.support.times import at

HOLIDAY = world(added("overrides.toml", day_off("2024-03-06")))
ONE_DAY = world(timed(PROCEDURE, Budget(amount=1, unit=TimeUnit.WORKING_DAYS)))


def moved(by: World, *facts: tuple[datetime, EventData], **changes: Any) -> MovedDate | None:
    """What becomes of a dossier of three working days from Monday the 4th."""
    found = told([(at(4), received(**changes)), (at(4), routed()), *facts])
    return moved_date(CODE, found.state, newest(WORLD), newest(by))


def test_a_day_off_within_the_term_moves_the_date_and_says_why() -> None:
    assert moved(HOLIDAY) == MovedDate(CODE, at(7), at(8), "days or hours that are worked")


def test_a_day_off_outside_the_term_moves_nothing() -> None:
    assert moved(world(added("overrides.toml", day_off("2024-03-12")))) is None


def test_what_was_promised_is_kept_though_the_standard_time_is_cut() -> None:
    assert moved(ONE_DAY) is None


@pytest.mark.parametrize("fact", [PROCESSED, STOPPED])
def test_what_has_ended_or_stands_still_is_moved_by_no_cut(fact: EventData) -> None:
    assert moved(ONE_DAY, (at(5), fact)) is None


def test_what_has_ended_keeps_its_date_whatever_days_are_off() -> None:
    assert moved(HOLIDAY, (at(5), PROCESSED)) is None


def test_rules_of_another_version_that_come_to_the_same_date_move_nothing() -> None:
    other = world(changed(("rules.toml", 'version = "2025-2"', 'version = "2026-1"')))
    assert moved(other) is None


def test_a_dossier_of_which_nobody_knows_the_promise_has_no_date_to_move() -> None:
    assert moved(HOLIDAY, promise=None) is None
