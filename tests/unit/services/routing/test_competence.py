"""Who is competent: by procedure and place, and never by where a dossier was handed in."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from inspect import signature

import pytest

from contracts.catalogue import Catalogue, CompetenceRule, Unit, UnitKind, load_catalogue
from services.routing.competence import Competence, competent_unit, lead_for
from services.routing.decider import RoutingDecider
from tests.support.event import event
from tests.support.facts import received
from tests.support.rule_sets import WORLD

CATALOGUE = load_catalogue()
START = datetime(2024, 3, 7, 1, 0, tzinfo=UTC)
RESIDENCE = "1.004194"
"""A procedure of the field ``residence``."""


def unit(code: str, kind: str = "ward", places: tuple[str, ...] = ()) -> Unit:
    return Unit(
        code=code,
        name_vi=code,
        name_en=code,
        kind=UnitKind(kind),
        address="a",
        head="h",
        officers=("o-1", "o-2", "o-3", "o-4"),
        places=places,
    )


UNITS = {u.code: u for u in (unit("A", places=("1", "2")), unit("B", "branch", ("2",)), unit("C"))}


def city(*rules: CompetenceRule) -> Catalogue:
    by_place = {(u.kind, place): [u] for u in UNITS.values() for place in u.places}
    return replace(CATALOGUE, units=UNITS, rules=rules, _units_by_place=by_place, _newest={})


def found(place: str, *rules: CompetenceRule) -> tuple[str, str]:
    competence = competent_unit(city(*rules), RESIDENCE, place, START)
    assert isinstance(competence, Competence)
    return competence.unit.code, competence.rule


def test_a_rule_names_a_unit() -> None:
    assert found("9", CompetenceRule(id="r", fields=("residence",), unit="C")) == ("C", "r")


def test_a_rule_names_a_kind_and_then_it_is_the_unit_that_answers_for_the_place() -> None:
    rule = CompetenceRule(id="r", fields=("residence",), kind=UnitKind.WARD)
    assert found("2", rule) == ("A", "r")


def test_the_first_rule_that_fits_decides() -> None:
    rules = [
        CompetenceRule(id="other-procedure", procedures=("1.001193",), unit="A"),
        CompetenceRule(id="other-field", fields=("land",), unit="A"),
        CompetenceRule(id="other-place", fields=("residence",), places=("1",), unit="A"),
        CompetenceRule(id="this", procedures=(RESIDENCE,), places=("2", "3"), unit="C"),
        CompetenceRule(id="too-late", fields=("residence",), unit="B"),
    ]
    assert found("3", *rules) == ("C", "this")


def test_a_rule_whose_kind_answers_for_no_such_place_is_passed_over() -> None:
    rules = [
        CompetenceRule(id="branch", fields=("residence",), kind=UnitKind.BRANCH),
        CompetenceRule(id="rest", fields=("residence",), unit="C"),
    ]
    assert found("1", *rules) == ("C", "rest")
    assert found("2", *rules) == ("B", "branch")


def test_where_no_rule_fits_it_says_so() -> None:
    why = competent_unit(city(), RESIDENCE, "1", START)
    assert why == f"no rule names a unit for procedure {RESIDENCE} in place 1"


def test_a_procedure_that_does_not_exist_is_said_to_be_missing() -> None:
    assert competent_unit(city(), "9.9", "1", START) == "there is no procedure 9.9 in the catalogue"


def test_where_it_was_handed_in_is_not_even_asked() -> None:
    assert list(signature(competent_unit).parameters) == ["catalogue", "procedure", "place", "at"]


def test_a_dossier_goes_to_the_same_unit_wherever_it_is_received_and_returned() -> None:
    decider = RoutingDecider()
    routed = set()
    for receiving in list(CATALOGUE.units)[:40]:
        fact = event(received(RESIDENCE, receiving), START)
        state = decider.evolve(WORLD, decider.initial(""), fact)
        routed.add(decider.react(WORLD, state, fact)[0].handling_unit)  # type: ignore[attr-defined]
    assert len(routed) == 1


@pytest.mark.parametrize("procedure", sorted(CATALOGUE.procedures))
def test_every_procedure_has_a_competent_unit_in_every_ward(procedure: str) -> None:
    wards = [u for u in CATALOGUE.units.values() if u.kind is UnitKind.WARD]
    assert wards
    for ward in wards:
        for place in ward.places:
            assert isinstance(competent_unit(CATALOGUE, procedure, place, START), Competence)


class TestTheLeadOfAStep:
    def test_is_the_same_at_every_replay(self) -> None:
        leads = {lead_for(UNITS["A"], "H29.15-240307-0001", "verify") for _ in range(9)}
        assert leads == {"o-2"}

    def test_is_an_officer_of_the_unit_and_the_work_is_spread_evenly(self) -> None:
        leads = Counter(lead_for(UNITS["A"], f"H29-240307-{n:04d}", "verify") for n in range(4000))
        assert set(leads) == set(UNITS["A"].officers)
        assert all(900 < count < 1100 for count in leads.values())

    def test_is_not_the_same_for_every_step(self) -> None:
        assert len({lead_for(UNITS["A"], "H29-240307-0001", f"s{n}") for n in range(40)}) == 4
