"""Who leads a dossier's open step at a time, as notify folds it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contracts.events import routing
from contracts.model import EventData
from contracts.wire.envelope import Event
from services.notify.dossier.fold import evolve
from services.notify.dossier.state import Notify
from services.routing.fold import evolve as routing_evolve
from services.routing.state import Routing
from tests.support.notify_dossiers import CODE
from tests.support.times import at

OFFICERS = st.sampled_from(["a", "b", "c", "d"])
MINUTES = st.integers(0, 8)


def _fact(minute: int, data: EventData, number: int) -> Event:
    return Event(f"e{number}", "/x", CODE, at(8) + timedelta(minutes=minute), data)


@given(
    st.lists(st.tuples(MINUTES, OFFICERS), max_size=3),
    st.lists(st.tuples(MINUTES, st.integers(0, 2), OFFICERS), max_size=3),
    st.lists(st.tuples(MINUTES, st.sampled_from(["U", "V"]), OFFICERS), max_size=3),
    MINUTES,
    st.randoms(use_true_random=False),
)
def test_notify_knows_the_lead_of_any_time_as_routing_knew_it_then(
    steps: list[tuple[int, str]],
    names: list[tuple[int, int, str]],
    overs: list[tuple[int, str, str]],
    minute: int,
    draw: Any,
) -> None:
    told: list[tuple[int, EventData]] = [
        (m, routing.StepStarted(step=f"s{n}", ordinal=n, unit="U", lead=who))
        for n, (m, who) in enumerate(steps)
    ]
    told += [
        (m, routing.StepReassigned(step=f"s{n}", ordinal=n, lead=who, by="x"))
        for m, n, who in names
    ]
    told += [
        (m, routing.DossierHandedOver(to_unit=unit, reason="r", lead=who, by="x"))
        for m, unit, who in overs
    ]
    facts = [_fact(m, data, number) for number, (m, data) in enumerate(told)]
    draw.shuffle(facts)
    moment = at(8) + timedelta(minutes=minute)
    state, then = Notify(), Routing()
    for fact in facts:
        state = evolve(state, fact)
        if fact.time <= moment:
            then = routing_evolve(then, fact)
    if then.open_step is not None:
        assert state.led_at(moment) == then.lead
