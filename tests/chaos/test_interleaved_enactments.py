"""Whatever is enacted meanwhile, whoever is behind or killed: one id says one thing, all agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from contracts.catalogue import load_catalogue
from contracts.events import intake, routing, sla
from contracts.events.notify import MessageChannel
from contracts.events.sla import MoveCause
from contracts.rules import RuleSet
from contracts.wire.topics import DOSSIER_EVENTS
from motcua.deciders import all_deciders, calendars
from motcua.replay.order import CALM, Order
from motcua.simulate import Simulation, simulate_day
from services.notify.dossier.policy import Policy
from services.routing.competence import lead_for
from services.routing.succession import REASON
from services.runtime import World
from services.runtime.testing import state_hash
from services.shared.city import city_at
from services.shared.lead import lead_at
from tests.chaos.enactments import BEGINS_WITH, enacted_between
from tests.chaos.interleaved import Interleaved, behind
from tests.support.properties import examples, seeds

CATALOGUE = load_catalogue()
SEEDS = st.integers(0, 2**32)
PLANS = st.integers(1, len(seeds(10)) * 7)
"""Seeds of what is enacted. They are few: it takes half a second to read a set."""
SIMULATED = simulate_day(
    Simulation(dossiers=25, carried_over=35, seed=5, late_share=0.3), CATALOGUE, calendars()
)
_ENDLESS = SIMULATED.ends + timedelta(days=999)
drawn = settings(
    # What is drawn are seeds: a smaller one is no simpler.
    examples(0.2),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)


Enacted = Mapping[int, Sequence[RuleSet]]


def run(enacted: Enacted, order: Order = CALM, *, begun: bool = True) -> Interleaved:
    """`begun`: the city has enacted its first set before the day; otherwise with its first slice,
    and what is received meanwhile may be judged by the sample."""
    policy = Policy(CATALOGUE, channels=(MessageChannel.EMAIL,))
    city = Interleaved(all_deciders(policy), order)
    if begun:
        city.goes_through(SIMULATED, enacted, begins_with=BEGINS_WITH)
    else:
        with_first = {**enacted, 0: [BEGINS_WITH, *enacted.get(0, ())]}
        city.goes_through(SIMULATED, with_first)
    return city


@cache
def planned(enacting: int, *, late: bool = False) -> Enacted:
    return enacted_between(SIMULATED, Random(enacting), late=late)


@cache
def calm(enacting: int) -> Interleaved:
    return run(planned(enacting))


def hashes(city: Interleaved) -> dict[str, dict[str, str]]:
    """By service and dossier: the hash of the state."""
    return {
        service: {code: state_hash(state) for code, state in city.states(service).items()}
        for service in ("intake", "routing", "sla", "notify")
    }


def disagreements(city: Interleaved) -> list[str]:
    """In words, what two services see in another way at the end, or one has forgotten."""
    found = city.unfired(SIMULATED.ends)
    intake, routed, sla_states, told = (
        city.states(name) for name in ("intake", "routing", "sla", "notify")
    )
    for code, dossier in intake.items():
        others = [states.get(code) for states in (routed, sla_states, told)]
        statuses = {dossier.status, *(other.status if other else None for other in others)}
        if len(statuses) > 1:
            found.append(f"{code} is {statuses}")
        if code not in routed or code not in sla_states or code not in told:
            continue
        dues = sla_states[code].due_told, told[code].due
        if dues[0] != dues[1]:
            found.append(f"{code} is due {dues}")
        units = routed[code].handling_unit, sla_states[code].unit, told[code].unit
        if units[0] is not None and len(set(units)) > 1:
            found.append(f"{code} is at {units}")
        if (lead := routed[code].lead) is not None:
            leads = lead, told[code].led_at(_ENDLESS), lead_at(sla_states[code].leads, _ENDLESS)
            if len(set(leads)) > 1:
                found.append(f"{code} is led by {leads}")
    return found


def net_alerts(city: Interleaved) -> dict[str, list[tuple[datetime, str, str]]]:
    """By dossier: the alerts that stand."""
    return {
        code: sorted((a.at, a.kind, a.about) for a in state.alerts if not a.retracted)
        for code, state in city.states("sla").items()
    }


def against_the_rules(city: Interleaved, enacted: Enacted) -> list[str]:
    """In words, each promise and each lead that is not by the rules in force at its time."""
    world = World((BEGINS_WITH, *(one for sets in enacted.values() for one in sets)))
    found = []
    for event in city.records(DOSSIER_EVENTS):
        catalogue = city_at(world, event.time).catalogue
        match event.data:
            case intake.DossierReceived(procedure=procedure, promise=promise):
                assert promise is not None
                right = promise.budget == catalogue.promise(catalogue.procedures[procedure]).budget
            case routing.StepStarted(unit=unit, step=step, lead=lead):
                right = lead == lead_for(catalogue.units[unit], event.subject, step)
            case routing.DossierHandedOver(to_unit=unit, lead=lead):
                right = lead in catalogue.units[unit].officers
            case _:
                continue
        if not right:
            found.append(f"{event.time} {event.data}")
    return found


@pytest.mark.slow
@drawn
@given(enacting=PLANS, reading=SEEDS)
def test_the_same_is_said_wherever_rules_are_enacted_and_whoever_is_behind_or_killed(
    enacting: int, reading: int
) -> None:
    enacted, orderly = planned(enacting), calm(enacting)
    other = run(enacted, behind(reading, kills=0.03))
    assert other.said() == orderly.said()
    assert hashes(other) == hashes(orderly)
    assert other.desks() == orderly.desks()
    assert net_alerts(other) == net_alerts(orderly)
    assert disagreements(other) == []
    assert against_the_rules(other, enacted) == []


@pytest.mark.slow
@drawn
@given(enacting=PLANS, reading=SEEDS)
def test_the_same_is_said_though_the_first_set_is_enacted_in_the_middle_of_receptions(
    enacting: int, reading: int
) -> None:
    enacted, orderly = planned(enacting), calm(enacting)
    other = run(enacted, behind(reading, kills=0.03), begun=False)
    assert other.said() == orderly.said()
    assert net_alerts(other) == net_alerts(orderly)
    assert disagreements(other) == []


@pytest.mark.slow
@drawn
@given(enacting=PLANS, reading=SEEDS)
def test_one_id_says_one_thing_and_all_agree_though_rules_come_too_late(
    enacting: int, reading: int
) -> None:
    city = run(planned(enacting, late=True), behind(reading, kills=0.03))
    assert city.said()
    assert disagreements(city) == []


def test_the_drawn_enactments_move_dates_take_back_alerts_and_hand_over() -> None:
    said = [
        event.data for enacting in range(1, 8) for event in calm(enacting).records(DOSSIER_EVENTS)
    ]
    assert any(isinstance(data, sla.RulesApplied) for data in said)
    assert any(
        isinstance(d, sla.DeadlineMoved) and d.cause is MoveCause.RULES_CHANGED for d in said
    )
    assert any(isinstance(data, sla.AlertRetracted) for data in said)
    assert any(isinstance(d, routing.DossierHandedOver) and d.reason == REASON for d in said)
    assert any(isinstance(d, routing.StepStarted) and d.lead.startswith("cb-9") for d in said)
