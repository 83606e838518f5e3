"""A recorded log for the benches: a simulated city, decided in memory."""

from __future__ import annotations

from contracts.catalogue import load_catalogue
from contracts.wire.envelope import Event
from motcua.deciders import calendars, city_deciders
from motcua.simulate import Simulation, plan_city, slices
from services.runtime.testing import InProcess


def recorded_log(dossiers: int, seed: int = 7) -> list[Event]:
    """Every record of such a city's log: what was asked, and what the services decided."""
    plan = plan_city(
        Simulation(dossiers=dossiers // 3, carried_over=dossiers - dossiers // 3, seed=seed),
        load_catalogue(),
        calendars(),
    )
    city = InProcess(city_deciders())
    for piece in slices(plan.requests, ends=plan.ends):
        city.feed(piece.events)
    return city.log
