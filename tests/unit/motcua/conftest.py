"""A simulated day decided in one process, and pages as a terminal of 80 columns shows them."""

from __future__ import annotations

from collections import defaultdict
from io import StringIO

import pytest
from rich.console import Console, RenderableType

from contracts.catalogue import load_catalogue
from contracts.wire.envelope import Event
from motcua.deciders import all_deciders, calendars
from motcua.simulate import SimulatedDay, Simulation, simulate_day, slices
from services.notify.dossier.policy import Policy
from services.runtime.testing import InProcess


@pytest.fixture(scope="session")
def simulated() -> SimulatedDay:
    """A small city in which a fifth of the dossiers miss their date."""
    of = Simulation(dossiers=60, carried_over=180, seed=12, late_share=0.2)
    return simulate_day(of, load_catalogue(), calendars())


@pytest.fixture(scope="session")
def city(simulated: SimulatedDay) -> InProcess:
    """What the four services made of it."""
    catalogue = load_catalogue()
    city = InProcess(all_deciders(Policy(catalogue)))
    for piece in slices(simulated.requests, ends=simulated.ends):
        city.feed(piece.events)
        city.tick(piece.until)
    return city


@pytest.fixture(scope="session")
def stories(city: InProcess) -> dict[str, list[Event]]:
    """Every dossier's events, as the log would give them."""
    found: dict[str, dict[str, Event]] = defaultdict(dict)
    codes = city.states["intake"].keys()
    for event in (*city.log, *city.elsewhere):
        if event.subject in codes:
            found[event.subject].setdefault(event.id, event)
    return {code: sorted(of.values(), key=lambda e: e.time) for code, of in found.items()}


def shown(page: RenderableType, width: int = 80) -> str:
    """The page in a pipe of that width. Nothing in it is cut, and no line is wider."""
    console = Console(file=StringIO(), width=width)
    console.print(page)
    assert isinstance(console.file, StringIO)
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    return text
