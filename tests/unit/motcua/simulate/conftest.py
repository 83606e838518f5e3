"""One plan that most of these tests look at, and the reference data behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contracts.catalogue import Catalogue, load_catalogue
from motcua.simulate import SimulatedDay, Simulation, simulate_day
from services.shared.working_time import Calendars, load_calendars


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="session")
def calendars() -> Calendars:
    return load_calendars()


@pytest.fixture(scope="session")
def draw(catalogue: Catalogue, calendars: Calendars) -> Callable[..., SimulatedDay]:
    def draw(**settings: Any) -> SimulatedDay:
        return simulate_day(Simulation(**settings), catalogue, calendars)

    return draw


@pytest.fixture(scope="session")
def simulated(draw: Callable[..., SimulatedDay]) -> SimulatedDay:
    """3,000 dossiers, a third of them of the day itself; more than usual of them are late."""
    return draw(dossiers=1_000, carried_over=2_000, seed=7, late_share=0.02)
