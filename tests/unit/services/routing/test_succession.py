"""A unit that ends hands its open dossiers over to its successor, by a fact at the very time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from contracts.events import intake, routing
from contracts.model import EventData
from contracts.rules import sample_rules
from contracts.wire.envelope import Event
from motcua.testing.city import City
from services.routing.competence import lead_for
from services.routing.decider import RoutingDecider
from services.routing.state import Routing
from services.routing.succession import REASON, TimerKind
from services.runtime import Timer, World
from services.runtime.core.handle import fire_timers, handle, set_due
from services.runtime.core.stored import Stored
from services.shared.city import city_of
from tests.support.event import acting
from tests.support.facts import PROCESSED, received
from tests.support.routing_dossiers import CODE, STEPS
from tests.support.rule_sets import OFFICER, WORLD, changed, rule_set, world
from tests.support.times import at
from tests.support.units import ENDS, FIRST, SECOND, THIRD, ending, placed

DECIDER = RoutingDecider()
INSTANT = timedelta(milliseconds=1)
RECEIVED_AT = at(7)
TOLD_AT = at(5)
MERGED = rule_set(changed(ending(FIRST, SECOND)), 1, TOLD_AT)
"""Enacted before the reception: the ward ends on 31 March."""
MERGING = world(MERGED)


class Dossier:
    """A dossier of the ward, and what routing said about it."""

    def __init__(
        self, by: World = MERGING, begin: datetime = RECEIVED_AT, *, history: bool = False
    ) -> None:
        self.by = by
        self.stored: Stored[Routing] = Stored(CODE, 0, DECIDER.initial(CODE))
        self.said: list[Event] = []
        self.history = history
        self.hears(received(place="26740"), begin)

    def hears(self, data: EventData, time: datetime, *, by: str = "cb-1") -> None:
        name = f"{data.NAME}-{time}"
        fact = Event(name, "/x", CODE, time, data, history=self.history, actor=acting(by))
        self.said += handle(DECIDER, self.by, self.stored, fact)

    def passes(self, time: datetime) -> None:
        self.said += fire_timers(DECIDER, self.by, self.stored, time)

    @property
    def state(self) -> Routing:
        return self.stored.state

    @property
    def overs(self) -> list[Event]:
        return [e for e in self.said if isinstance(e.data, routing.DossierHandedOver)]


def to_whom(dossier: Dossier) -> list[tuple[datetime, str]]:
    return [(e.time, e.data.to_unit) for e in dossier.overs]  # type: ignore[attr-defined]


def test_an_open_dossier_goes_to_the_successor_when_its_unit_ends() -> None:
    dossier = Dossier()
    assert dossier.state.handling_unit == FIRST
    dossier.passes(ENDS)
    assert dossier.overs == [], "not before its last day is over"
    dossier.passes(ENDS + INSTANT)
    (over,) = dossier.overs
    lead = lead_for(city_of(MERGED).catalogue.units[SECOND], CODE, STEPS[0])
    assert over.time == ENDS
    assert over.data == routing.DossierHandedOver(
        from_unit=FIRST, to_unit=SECOND, reason=REASON, lead=lead, by=OFFICER
    )
    assert (dossier.state.handling_unit, dossier.state.lead) == (SECOND, lead)
    assert DECIDER.timer(MERGING, dossier.state) is None
    dossier.passes(at(31) + timedelta(days=300))
    assert len(dossier.overs) == 1


def test_it_waits_for_that_by_the_clock_of_its_partition() -> None:
    dossier = Dossier()
    assert DECIDER.timer(MERGING, dossier.state) == Timer(ENDS, TimerKind.UNIT_ENDS, (FIRST,))
    set_due(DECIDER, MERGING, dossier.stored)
    assert dossier.stored.due == ENDS


def test_what_a_service_did_not_say_in_time_is_said_before_the_next_thing_that_happens() -> None:
    dossier = Dossier()
    lead = dossier.state.lead
    assert lead is not None
    late = routing.StepCompletionRequested(step=STEPS[0])
    dossier.hears(late, ENDS + timedelta(hours=1), by=lead)
    names = [e.data.NAME for e in dossier.said[2:]]
    assert names == ["DossierHandedOver", "StepCompletionRefused"], "the successor leads it now"


@pytest.mark.parametrize("data", [PROCESSED, intake.DossierWithdrawn(reason="r")])
def test_a_dossier_that_has_ended_stays_where_it_was(data: EventData) -> None:
    dossier = Dossier()
    dossier.hears(data, at(8))
    assert DECIDER.timer(MERGING, dossier.state) is None


def test_a_dossier_of_another_unit_stays_there() -> None:
    dossier = Dossier(world(rule_set(changed(ending(THIRD, SECOND)), 1, TOLD_AT)))
    assert DECIDER.timer(dossier.by, dossier.state) is None


def test_who_was_handed_the_dossier_before_the_end_hands_nothing_over() -> None:
    dossier = Dossier()
    moved = routing.HandOverRequested(to_unit=THIRD, reason="theirs")
    dossier.hears(moved, at(8), by="cb-1")
    dossier.passes(ENDS + INSTANT)
    assert to_whom(dossier) == [(at(8), THIRD)]


def test_nothing_is_handed_over_by_hand_to_a_unit_that_is_gone() -> None:
    dossier = Dossier(world(rule_set(changed(ending(THIRD, SECOND)), 1, TOLD_AT)))
    dossier.hears(routing.HandOverRequested(to_unit=THIRD, reason="r"), ENDS, by="cb-1")
    refusal = dossier.said[-1].data
    assert refusal.NAME == "HandOverRefused"
    assert f"its successor is {SECOND}" in refusal.detail  # type: ignore[attr-defined]


def test_a_dossier_that_is_received_after_the_end_goes_to_the_successor_at_once() -> None:
    # A rule that names the unit itself: its successor is competent.
    by_name = (
        "competence.toml",
        "[[competence]]\n",
        f'[[competence]]\nid = "r"\nfields = ["residence"]\nunit = "{FIRST}"\n\n[[competence]]\n',
    )
    merged = world(rule_set(changed(ending(FIRST, SECOND), by_name), 1, TOLD_AT))
    assert Dossier(merged, ENDS - INSTANT).state.routed_unit == FIRST
    dossier = Dossier(merged, ENDS)
    assert dossier.state.routed_unit == SECOND
    assert DECIDER.timer(merged, dossier.state) is None


def test_a_successor_that_has_ended_too_is_passed_over_when_it_is_said_late() -> None:
    first = rule_set(changed(ending(FIRST, SECOND)), 1, TOLD_AT)
    second = rule_set(
        changed(ending(FIRST, SECOND), ending(SECOND, THIRD, "2024-04-30")), 2, at(20)
    )
    dossier = Dossier(world(first, second))
    dossier.passes(ENDS + timedelta(days=90))
    may = datetime.fromisoformat("2024-05-01T00:00:00+07:00")
    assert to_whom(dossier) == [(ENDS, SECOND), (may, THIRD)]


def test_a_set_that_is_enacted_after_the_last_day_takes_over_when_it_comes_into_force() -> None:
    late = rule_set(changed(ending(FIRST, SECOND, "2024-03-01")), 1, at(12))
    dossier = Dossier(world(sample_rules(), late))
    dossier.passes(at(12) + INSTANT)
    assert to_whom(dossier) == [(at(12), SECOND)]


def test_an_end_that_a_later_set_takes_back_does_not_come() -> None:
    back = rule_set(sample_rules().files, 2, at(20))
    dossier = Dossier(world(MERGED, back))
    assert DECIDER.timer(dossier.by, dossier.state) is None
    assert DECIDER.woken(dossier.by) is None


def test_an_end_that_a_later_set_moves_comes_then_and_only_then() -> None:
    moved = rule_set(changed(ending(FIRST, SECOND, "2024-04-30")), 2, at(20))
    dossier = Dossier(world(MERGED, moved))
    dossier.passes(ENDS + timedelta(days=90))
    may = datetime.fromisoformat("2024-05-01T00:00:00+07:00")
    assert to_whom(dossier) == [(may, SECOND)]


def test_open_dossiers_are_woken_for_the_first_unit_that_ends() -> None:
    assert DECIDER.woken(WORLD) is None
    both = changed(ending(FIRST, SECOND), ending(THIRD, SECOND, "2024-03-15"))
    assert DECIDER.woken(world(rule_set(both, 1, TOLD_AT))) == at(16, "00:00")


def test_what_an_older_system_tells_waits_for_its_own_facts_alone() -> None:
    dossier = Dossier(history=True)
    route = routing.DossierRouted(
        procedure="1.004194",
        handling_unit=FIRST,
        workflow="residence",
        workflow_version=1,
        steps=STEPS,
        rule="as it was",
    )
    dossier.hears(route, RECEIVED_AT)
    timer = DECIDER.timer(MERGING, dossier.state)
    assert timer is not None
    assert timer.own_time


def test_a_dossier_that_an_older_system_gave_to_a_unit_that_was_gone_is_handed_over_once() -> None:
    dossier = Dossier(history=True)
    over = routing.DossierHandedOver(
        from_unit=THIRD, to_unit=FIRST, reason="as it was", lead="cb-1", by="cb-1"
    )
    given = ENDS + timedelta(days=3)
    dossier.hears(over, given)
    dossier.hears(intake.RemarkRecorded(activity="a"), given + timedelta(days=1))
    assert dossier.state.handling_unit == SECOND
    assert to_whom(dossier) == [(given + INSTANT, SECOND)]
    assert DECIDER.timer(MERGING, dossier.state) is None


def test_what_was_routed_before_the_log_says_that_the_unit_was_gone_leaves_after_that() -> None:
    begin = ENDS + timedelta(days=3)
    dossier = Dossier(WORLD, begin)
    assert dossier.state.routed_unit == FIRST
    dossier.by = MERGING
    dossier.passes(begin + timedelta(hours=1))
    assert to_whom(dossier) == [(begin + INSTANT, SECOND)]
    assert DECIDER.timer(MERGING, dossier.state) is None


def test_all_dossiers_of_the_unit_and_no_others_are_handed_over_once_it_is_enacted() -> None:
    city = City()
    places = (placed(THIRD), *[placed(FIRST)] * 3)
    for_third, *for_first = (city.receive("1.004194", place=place) for place in places)
    city.at("2024-03-12 08:00")
    city.enact(ending(FIRST, SECOND))
    city.at("2024-04-01 00:00:00.001")
    assert [e.subject for e in city.events if isinstance(e.data, routing.DossierHandedOver)] == [
        d.code for d in for_first
    ]
    assert {d.unit for d in for_first} == {SECOND}
    assert for_third.unit == THIRD
