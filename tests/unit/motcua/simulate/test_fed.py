"""A plan comes to the same, in whatever order its dossiers are told."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime
from random import Random

import pytest

from contracts.catalogue import Catalogue
from contracts.wire.envelope import Event
from motcua.deciders import city_deciders
from motcua.simulate import SimulatedDay, slices
from services.runtime.testing import InProcess


def told_by_slices(simulated: SimulatedDay, catalogue: Catalogue) -> InProcess:
    """As a day is played: slice by slice, and the clock ticks between them."""
    city = InProcess(city_deciders())
    for piece in slices(simulated.requests, ends=simulated.ends):
        city.feed(piece.events)
        city.tick(piece.until)
    return city


def told_by_dossier(simulated: SimulatedDay, catalogue: Catalogue) -> InProcess:
    """One whole dossier after the other, and the clock ticks when all are told."""
    city = InProcess(city_deciders())
    lives: dict[str, list[Event]] = defaultdict(list)
    for request in simulated.requests:
        lives[request.subject].append(request)
    codes = list(lives)
    Random(1).shuffle(codes)
    for code in codes:
        for request in lives[code]:
            city.feed([request])
    city.tick(simulated.ends)
    return city


def net_alerts(city: InProcess) -> Counter[tuple[str, str, datetime, str, datetime]]:
    return Counter(
        (code, alert.kind, alert.at, alert.about, alert.due)
        for code, known in city.states["sla"].items()
        for alert in known.state.alerts
        if not alert.retracted
    )


@pytest.fixture(scope="module")
def belated(draw: Callable[..., SimulatedDay]) -> SimulatedDay:
    return draw(dossiers=80, carried_over=240, seed=12, late_share=0.2)


def test_the_net_alerts_and_the_letters_do_not_depend_on_the_order(
    belated: SimulatedDay, catalogue: Catalogue
) -> None:
    sliced, by_dossier = told_by_slices(belated, catalogue), told_by_dossier(belated, catalogue)
    assert net_alerts(sliced) == net_alerts(by_dossier)
    assert {"DossierOverdue", "ApologyOwed"} <= {kind for _, kind, *_ in net_alerts(sliced)}
    letters = [
        {code: known.state.letters for code, known in city.states["sla"].items()}
        for city in (sliced, by_dossier)
    ]
    assert letters[0] == letters[1]
    assert any(letters[0].values())
