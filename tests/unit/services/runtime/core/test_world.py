"""The world: which set of rules is in force when, and how enactments widen it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from contracts.rules import RuleSet, sample_rules
from services.runtime import World, first_world, widened
from tests.support.rule_sets import changed, enacted, rule_set
from tests.support.times import at

INSTANT = timedelta(milliseconds=1)


def a_set(number: int, since: datetime) -> RuleSet:
    files = changed(("rules.toml", 'version = "2025-2"', f'version = "{number}"'))
    return rule_set(files, number, since)


def of(*sets: RuleSet) -> World:
    """The world after these enactments."""
    world = first_world()
    for each in sets:
        world = widened(world, enacted(each))
    return world


def numbers(world: World) -> list[int]:
    return [each.number for each in world.sets]


def test_the_first_world_has_the_sample_at_all_times() -> None:
    world = first_world()
    assert world.sets == (sample_rules(),)
    assert world.at(at(1)) is world.newest is sample_rules()
    assert world.after(0) is None


def test_the_first_set_that_a_city_enacts_takes_the_samples_place() -> None:
    first = a_set(1, at(5))
    world = of(first)
    assert numbers(world) == [1]
    # For earlier times too: the sample was never the city's.
    assert world.at(at(4)).number == world.at(at(6)).number == 1
    assert (world.newest.sha256, world.newest.files) == (first.sha256, first.files)
    assert (world.newest.since, world.newest.by) == (first.since, first.by)


def test_a_set_is_in_force_from_its_very_time_on() -> None:
    world = of(a_set(1, at(4)), a_set(2, at(6)))
    assert world.at(at(6) - INSTANT).number == 1
    assert world.at(at(6)).number == 2


def test_of_those_in_force_the_highest_number_counts() -> None:
    world = of(a_set(1, at(4)), a_set(2, at(8)), a_set(3, at(6)))
    assert [world.at(at(day)).number for day in (5, 6, 8, 9)] == [1, 3, 3, 3]
    assert world.newest.number == 3


def test_what_is_enacted_again_changes_nothing() -> None:
    world = of(a_set(1, at(4)), a_set(2, at(6)))
    assert widened(world, enacted(a_set(1, at(4)))) is world
    assert widened(world, enacted(a_set(2, at(7)))) is world


def test_an_earlier_world_is_left_as_it_was() -> None:
    world = of(a_set(1, at(4)))
    widened(world, enacted(a_set(2, at(6))))
    assert numbers(world) == [1]


@pytest.mark.parametrize(("number", "following"), [(0, 1), (1, 2), (2, 3), (3, None)])
def test_the_next_set_is_the_one_that_comes_into_force_next(
    number: int, following: int | None
) -> None:
    world = of(a_set(1, at(4)), a_set(2, at(6)), a_set(3, at(8)))
    found = world.after(number)
    assert (found and found.number) == following


def test_a_set_that_is_replaced_before_it_is_in_force_is_left_out() -> None:
    world = of(a_set(1, at(4)), a_set(2, at(8)), a_set(3, at(6)))
    found = world.after(1)
    assert found is not None
    assert found.number == 3
    both = of(a_set(1, at(4)), a_set(2, at(6)), a_set(3, at(6)))
    found = both.after(1)
    assert found is not None
    assert found.number == 3, "of two that begin at once the later one counts"


def test_of_the_sets_that_came_too_late_for_what_began_the_last_alone_counts() -> None:
    world = of(a_set(1, at(4)), a_set(2, at(6)), a_set(3, at(5)), a_set(4, at(9)))
    begun = [world.after(number, begun=at(8)) for number in (1, 2, 3, 4)]
    assert [one and one.number for one in begun] == [3, 3, 4, None]


def test_a_set_is_found_by_its_number_and_0_is_the_sample_also_when_it_is_replaced() -> None:
    world = of(a_set(1, at(4)), a_set(2, at(6)))
    assert world.number(2).number == 2
    assert world.number(0) is sample_rules(), "by which a dossier was judged before"
    with pytest.raises(LookupError, match="set 3 was not enacted"):
        world.number(3)
