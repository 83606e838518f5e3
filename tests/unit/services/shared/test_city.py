"""A set of rules as services read it: once, whole, by the world and the time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from contracts.catalogue import load_catalogue
from contracts.events.sla import Budget, TimeUnit
from contracts.rules import RulesError, sample_rules
from services.runtime import World
from services.shared.city import CityNow, city_at, city_of, read_city
from services.shared.rulebook.book import load_rule_book
from services.shared.working_time import load_calendars
from tests.support.rule_sets import changed, rule_set, timed, world
from tests.support.times import at

PROCEDURE = "1.004194"
ONE_DAY = timed(PROCEDURE, Budget(amount=1, unit=TimeUnit.WORKING_DAYS))


def days(world: World, day: int) -> int:
    return city_at(world, at(day)).catalogue.procedures[PROCEDURE].budget.amount


def test_a_city_is_all_that_its_files_say() -> None:
    city = read_city(sample_rules().files)
    assert city.catalogue == load_catalogue()
    assert city.calendars.version == load_calendars().version
    assert city.book == load_rule_book()
    assert city.texts == {}


def test_its_own_wording_is_kept_by_file() -> None:
    files = {**sample_rules().files, "texts.en.toml": 'version = "x"'}
    assert read_city(files).texts == {"texts.en.toml": 'version = "x"'}


def test_the_faults_of_all_files_are_told_together() -> None:
    broken = changed(
        ("procedures.toml", "amount = 8", "amount = 0"),
        ("office_hours.toml", 'working_days = "eight-hours"', 'working_days = "nine"'),
        ("rules.toml", "allowed = 1", "allowed = 0"),
    )
    with pytest.raises(RulesError) as caught:
        read_city(broken)
    files = [line.partition(":")[0] for line in str(caught.value).splitlines()]
    assert files == ["procedures.toml", "office_hours.toml", "rules.toml"]


def test_a_set_is_read_once_whoever_asks_and_by_what_it_says() -> None:
    first = rule_set(ONE_DAY, 1, at(5))
    assert city_of(first) is city_of(rule_set(dict(ONE_DAY), 7, at(9)))
    assert city_of(first) is not city_of(sample_rules())


def test_what_is_in_force_depends_on_the_time() -> None:
    both = world(sample_rules(), rule_set(ONE_DAY, 1, at(5)))
    assert [days(both, day) for day in (4, 5, 6)] == [3, 1, 1]


def test_now_is_the_newest_world_that_the_engine_knows_by_the_clock_of_the_service() -> None:
    engine: Any = SimpleNamespace(worlds=SimpleNamespace(newest=world(sample_rules())))
    clock: Any = SimpleNamespace(now=lambda: at(6))
    now = CityNow(engine, clock)
    assert now().catalogue.procedures[PROCEDURE].budget.amount == 3
    engine.worlds.newest = world(sample_rules(), rule_set(ONE_DAY, 1, at(5)))
    assert now().catalogue.procedures[PROCEDURE].budget.amount == 1
    clock.now = lambda: at(4)
    assert now().catalogue.procedures[PROCEDURE].budget.amount == 3
