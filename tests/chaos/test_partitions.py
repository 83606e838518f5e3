"""A day in which rules are enacted three times comes to the same on any number of partitions."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random

import pytest

from contracts.catalogue import load_catalogue
from contracts.rules import RuleSet
from deploy.local.stack.stack import Stack
from motcua.deciders import calendars
from motcua.simulate import SimulatedDay, Simulation, simulate_day, slices
from services.routing.succession import REASON
from tests.chaos.enactments import BEGINS_WITH, DAY, ended, other_officers, shorter_times
from tests.chaos.outcome import Outcome, differences
from tests.chaos.run import run_city
from tests.support.rule_sets import added, day_off, rule_set

pytestmark = [pytest.mark.integration, pytest.mark.chaos, pytest.mark.slow, pytest.mark.long]

ENDING, HEIR = "H29.107", "H29.102"


def three_enactments(simulated: SimulatedDay) -> dict[int, list[RuleSet]]:
    """By slice: three sets, each in force after it."""
    pieces = list(slices(simulated.requests, ends=simulated.ends))
    first = dict(BEGINS_WITH.files)
    second = other_officers(shorter_times(first, Random(1)), Random(1))
    yesterday = str(DAY - timedelta(days=1))
    third = added("overrides.toml", day_off(yesterday), second)
    fourth = ended(third, ENDING, HEIR, DAY - timedelta(days=2))
    places = len(pieces) // 4, len(pieces) // 2, len(pieces) * 3 // 4
    return {
        place: [rule_set(files, number, pieces[place].until)]
        for number, (place, files) in enumerate(
            zip(places, (second, third, fourth), strict=True), start=2
        )
    }


def said(outcome: Outcome, name: str, text: str = "") -> int:
    """How many distinct facts of that name have the text."""
    return sum(f".{name}." in fact and text in fact for fact in outcome.facts.values())


def test_a_replay_across_three_enactments_ends_in_the_same_hash_on_1_4_and_12_partitions(
    tmp_path: Path,
) -> None:
    simulated = simulate_day(
        Simulation(dossiers=8, carried_over=20, seed=3, late_share=0.3),
        load_catalogue(),
        calendars(),
    )
    enacted = three_enactments(simulated)
    stack = Stack(tmp_path, "partitions", die_with_parent=True)
    run = partial(run_city, stack, tell=lambda line: None, begins_with=BEGINS_WITH, enacted=enacted)
    try:
        one, four, twelve = (
            asyncio.run(run(tmp_path / f"{n}", simulated, {}, partitions=n))[0] for n in (1, 4, 12)
        )
    finally:
        stack.down()

    assert differences(one, four) == []
    assert differences(one, twelve) == []
    assert one.late == four.late == twelve.late
    assert one.states["sla"]
    assert said(one, "RulesApplied")
    assert said(one, "DeadlineMoved", "RULES_CHANGED")
    assert said(one, "AlertRetracted")
    assert said(one, "DossierHandedOver", REASON)
