"""The same is said, and the same officers are told, whichever service is how far behind the log."""

from __future__ import annotations

import pytest

from contracts.catalogue import load_catalogue
from contracts.events import notify, sla
from contracts.events.notify import MessageChannel
from contracts.wire.topics import DOSSIER_EVENTS
from motcua.deciders import all_deciders, calendars
from motcua.replay.order import CALM, Order
from motcua.simulate import SimulatedDay, Simulation, simulate_day
from services.notify.dossier.policy import Policy
from tests.chaos.interleaved import Interleaved, behind

CATALOGUE = load_catalogue()


def run(simulated: SimulatedDay, order: Order = CALM) -> Interleaved:
    policy = Policy(CATALOGUE, channels=(MessageChannel.EMAIL,))
    city = Interleaved(all_deciders(policy), order)
    city.goes_through(simulated)
    return city


@pytest.fixture(scope="module")
def simulated() -> SimulatedDay:
    return simulate_day(
        Simulation(dossiers=40, carried_over=60, seed=3, late_share=0.5), CATALOGUE, calendars()
    )


@pytest.fixture(scope="module")
def calm(simulated: SimulatedDay) -> Interleaved:
    return run(simulated)


def test_the_day_has_late_steps_of_which_officers_are_told(calm: Interleaved) -> None:
    assert any(isinstance(e.data, sla.StepOverdue) for e in calm.records(DOSSIER_EVENTS))
    told = [event.data for event in calm.messages]
    officers = [
        data.recipient
        for data in told
        if isinstance(data, notify.MessagePlanned) and data.template == "officer-digest"
    ]
    assert len(set(officers)) > 5


def test_the_day_has_last_calls_foreseen_delays_and_letters_with_and_without_a_date(
    calm: Interleaved,
) -> None:
    said = [event.data for event in calm.records(DOSSIER_EVENTS)]
    assert any(isinstance(data, sla.LastCallGiven) for data in said)
    assert any(isinstance(data, sla.DelayForeseen) for data in said)
    owed = {data.cause for data in said if isinstance(data, sla.ApologyOwed)}
    assert owed == set(sla.DebtCause)
    letters = {data.due is None for data in said if isinstance(data, sla.ApologyIssued)}
    assert letters == {True, False}


@pytest.mark.parametrize("seed", range(6))
def test_the_same_is_said_whichever_service_is_behind_or_killed(
    simulated: SimulatedDay, calm: Interleaved, seed: int
) -> None:
    other = run(simulated, behind(seed, kills=0.02))
    assert all(reader.kills for reader in other.readers)
    assert other.said() == calm.said()
    assert other.desks() == calm.desks()
