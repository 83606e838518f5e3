"""Units that begin and end: who is there on a day, who follows whom, and faults by their line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contracts.catalogue import Catalogue, UnitKind, load_catalogue
from contracts.rules import RulesError
from tests.support.rule_sets import changed
from tests.support.units import ENDS, FIRST, LAST_DAY, SECOND, THIRD, ending, placed, units

INSTANT = timedelta(milliseconds=1)


def catalogue(*changes: tuple[str, str, str]) -> Catalogue:
    return load_catalogue(changed(*changes))


def faults_of(*changes: tuple[str, str, str]) -> list[str]:
    with pytest.raises(RulesError) as caught:
        catalogue(*changes)
    return str(caught.value).splitlines()


def test_a_unit_ends_with_its_last_day_in_vietnam() -> None:
    unit = catalogue(ending(FIRST, SECOND)).units[FIRST]
    assert unit.ends_at == ENDS == datetime(2024, 3, 31, 17, tzinfo=UTC)
    assert unit.exists_at(ENDS - INSTANT)
    assert not unit.exists_at(ENDS)


def test_a_unit_begins_with_its_first_day_in_vietnam() -> None:
    begins = ENDS
    unit = catalogue(units(FIRST, "from = 2024-04-01")).units[FIRST]
    assert not unit.exists_at(begins - INSTANT)
    assert unit.exists_at(begins)
    assert unit.ends_at is None


def test_all_ends_of_the_catalogue_are_told() -> None:
    assert load_catalogue().ending == {}
    assert catalogue(ending(FIRST, SECOND)).ending == {FIRST: ENDS}


def test_the_heir_is_the_unit_itself_until_it_ends_and_then_its_successor() -> None:
    known = catalogue(ending(FIRST, SECOND))
    assert known.heir(FIRST, ENDS - INSTANT).code == FIRST
    assert known.heir(FIRST, ENDS).code == SECOND
    with pytest.raises(KeyError):
        known.heir("Z9", ENDS)


def test_the_heir_of_a_unit_whose_successor_ended_too_is_that_ones_successor() -> None:
    known = catalogue(ending(FIRST, SECOND), ending(SECOND, THIRD, "2024-05-31"))
    assert known.heir(FIRST, ENDS).code == SECOND
    assert known.heir(FIRST, ENDS + timedelta(days=100)).code == THIRD


def test_a_place_passes_from_the_unit_that_ends_to_the_one_that_begins() -> None:
    here = placed(FIRST)
    known = catalogue(ending(FIRST, SECOND), units(SECOND, "from = 2024-04-01", places=[here]))
    before = known.unit_for(UnitKind.WARD, here, ENDS - INSTANT)
    after = known.unit_for(UnitKind.WARD, here, ENDS)
    assert before is not None
    assert after is not None
    assert (before.code, after.code) == (FIRST, SECOND)


def test_nobody_answers_for_a_place_in_the_days_between() -> None:
    here = placed(FIRST)
    known = catalogue(ending(FIRST, THIRD), units(SECOND, "from = 2024-04-02", places=[here]))
    assert known.unit_for(UnitKind.WARD, here, ENDS) is None


class TestAFault:
    def test_is_an_end_without_a_successor(self) -> None:
        (fault,) = faults_of(units(FIRST, f"until = {LAST_DAY}"))
        assert fault.startswith("units.toml: line ")
        assert fault.endswith(
            f"{FIRST} ends on {LAST_DAY}: name the successor that takes its open dossiers over, "
            "a unit of this file"
        )

    def test_is_a_successor_that_is_no_unit(self) -> None:
        (fault,) = faults_of(ending(FIRST, "H29.999"))
        assert "name the successor" in fault

    def test_is_a_successor_that_has_ended_by_then(self) -> None:
        faults = faults_of(ending(FIRST, SECOND), ending(SECOND, THIRD, "2024-03-30"))
        assert [f.partition(": ")[2].partition(": ")[2] for f in faults] == [
            f"{FIRST} ends on {LAST_DAY}; its successor {SECOND} is not there by then"
        ]

    def test_is_a_successor_that_begins_later(self) -> None:
        (fault,) = faults_of(ending(FIRST, SECOND), units(SECOND, "from = 2024-04-02"))
        assert fault.endswith(f"its successor {SECOND} is not there by then")

    def test_is_a_unit_that_succeeds_to_itself(self) -> None:
        (fault,) = faults_of(ending(FIRST, FIRST))
        assert fault.endswith(f"its successor {FIRST} is not there by then")

    def test_is_a_successor_of_a_unit_that_does_not_end(self) -> None:
        (fault,) = faults_of(units(FIRST, f'successor = "{SECOND}"'))
        assert fault.endswith("it has a successor: name its last day (until) too")

    def test_is_an_end_before_the_beginning(self) -> None:
        (fault,) = faults_of(
            units(FIRST, f'from = 2024-04-02\nuntil = {LAST_DAY}\nsuccessor = "{SECOND}"')
        )
        assert fault.endswith(f"it would end on {LAST_DAY}, before it begins on 2024-04-02")

    def test_are_two_units_that_answer_for_one_place_on_one_day(self) -> None:
        here = placed(FIRST)
        both = (ending(FIRST, THIRD), units(SECOND, "from = 2024-03-31", places=[here]))
        (fault,) = faults_of(*both)
        assert f"{FIRST} and {SECOND} both answer for place {here}: take it from one" in fault
        text = changed(*both)["units.toml"]
        line = text[: text.index(f'code = "{SECOND}"')].count("\n")
        assert fault.startswith(f"units.toml: line {line}, [[units]] number ")
