"""A judgement that is extended fact by fact is the judgement from nothing, and costs the same for
the hundredth fact as for the thirtieth.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from statistics import median
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.events import intake
from contracts.events.intake import Promise
from contracts.model import EventData
from contracts.wire.envelope import Event
from services.runtime import World
from services.runtime.core.handle import handle
from services.runtime.core.stored import Stored
from services.shared.working_time import OutsideCalendar
from services.sla.clock.assess import assess, reassess
from services.sla.deciding.decider import judging
from services.sla.dossier.state import Assessment, Sla
from tests.support.event import CODE, event
from tests.support.facts import (
    OWED,
    PAID,
    RESUMED,
    STOPPED,
    completed,
    handed_over,
    received,
    routed,
    started,
)
from tests.support.properties import examples
from tests.support.rule_sets import WORLD
from tests.support.sla_dossiers import DECIDER, READINGS, reading
from tests.support.sla_partition import brief, lives, times
from tests.support.times import vietnam


def from_nothing(world: World, state: Sla) -> Assessment | None:
    """What is judged of the dossier by whoever knows nothing of an earlier judgement."""
    if state.procedure is None or state.receiving_unit is None or state.promised is None:
        return None
    forgotten = replace(state, assessment=None)
    try:
        return assess(forgotten, judging(world, state).terms(forgotten))
    except OutsideCalendar:
        return None


def heard(events: Sequence[Event], world: World) -> Iterator[Sla]:
    """The dossier after each fact."""
    stored: Stored[Sla] = Stored(events[0].subject, 0, Sla())
    for each in events:
        handle(DECIDER, world, stored, each)
        yield stored.state


class TestEachFactExtendsTheLastJudgement:
    @examples(3)
    @given(events=lives(), reading_of=st.sampled_from(READINGS))
    def test_in_the_order_of_time(self, events: list[Event], reading_of: tuple[str, str]) -> None:
        note(brief(events))
        world = reading(*reading_of)
        for state in heard(events, world):
            assert state.assessment == from_nothing(world, state)

    @examples(3)
    @given(events=lives(), seed=st.integers(0, 2**32))
    def test_in_any_order(self, events: list[Event], seed: int) -> None:
        Random(seed).shuffle(events)
        note(brief(events))
        for state in heard(events, WORLD):
            assert state.assessment == from_nothing(WORLD, state)

    @examples(2)
    @given(events=lives(), due=times, told=st.integers(1, 6), closes=st.booleans())
    def test_of_a_date_that_an_older_system_promised(
        self, events: list[Event], due: datetime, told: int, closes: bool
    ) -> None:
        """Its waiting is counted in another way while the history is told, and after it."""
        promised = [_with_date(each, due) for each in events]
        past = [replace(each, history=True) for each in promised[:told]]
        if closes:
            end = intake.HistoryClosed()
            past.append(
                Event("closed", "/older", past[0].subject, past[-1].time, end, history=True)
            )
        note(brief([*past, *promised[told:]]))
        for state in heard([*past, *promised[told:]], WORLD):
            assert state.assessment == from_nothing(WORLD, state)


def _with_date(told: Event, due: datetime) -> Event:
    if not isinstance(told.data, intake.DossierReceived):
        return told
    promise = Promise(due=due, basis="b")
    return replace(told, data=told.data.model_copy(update={"promise": promise}))


def test_a_dossier_read_from_the_database_is_judged_as_one_in_memory() -> None:
    """What an assessment remembers is no part of it: it is neither stored nor compared."""
    *_, state = heard([event(data, time) for time, data in _long()[:9]], WORLD)
    assert state.assessment is not None
    stored = Stored(CODE, 0, state).document()["state"]["assessment"]
    assert sorted(stored) == sorted(set(stored) & set(Assessment.__struct_fields__))
    bare = replace(state.assessment)
    terms = judging(WORLD, state).terms(state)
    assert bare == state.assessment == reassess(replace(state, assessment=bare), terms)


def test_a_fact_that_moves_nothing_leaves_the_very_assessment() -> None:
    """Who owes a fee already is asked for another."""
    owes = [(_BEGIN + timedelta(hours=hour), OWED) for hour in (3, 4)]
    facts = [event(data, time, id=f"e-{n}") for n, (time, data) in enumerate([*_STARTED, *owes])]
    *_, before, after = heard(facts, WORLD)
    assert after.marks != before.marks
    assert after.assessment is before.assessment


_BEGIN = vietnam("2025-03-03 08:00")
_STARTED = (
    (_BEGIN, received()),
    (_BEGIN, routed()),
    (_BEGIN + timedelta(hours=1), started(0)),
    (_BEGIN + timedelta(hours=2), completed(0)),
)
_ROUND = (STOPPED, RESUMED, OWED, PAID, handed_over("H29.1"), handed_over("H29.15"))


def _long(rounds: int = 24) -> list[tuple[datetime, EventData]]:
    """A dossier that is stopped, paid for and handed over, again and again in one morning."""
    facts = list(_STARTED)
    time = _STARTED[-1][0]
    for _ in range(rounds):
        for data in _ROUND:
            time += timedelta(seconds=20)
            facts.append((time, data))
    return facts


@pytest.mark.parametrize("data", _ROUND, ids=lambda data: data.NAME)
def test_the_cost_of_a_fact_does_not_grow_with_the_number_of_facts(data: EventData) -> None:
    """Counted in calls of functions, which no other process on the machine has a part in."""
    stored: Stored[Sla] = Stored(CODE, 0, Sla())
    calls: list[int] = []
    for number, (time, told) in enumerate(_long()):
        fact = event(told, time, id=f"e-{number}")
        calls.append(_calls_of(stored, fact) if told == data else _heard(stored, fact))
    counted = [count for count in calls if count]
    assert len(counted) >= 24
    early, late = median(counted[9:14]), median(counted[-5:])
    assert late <= early * 1.1


def _heard(stored: Stored[Sla], fact: Event) -> int:
    handle(DECIDER, WORLD, stored, fact)
    return 0


def _calls_of(stored: Stored[Sla], fact: Event) -> int:
    count = 0

    def called(_: FrameType, what: str, __: Any) -> None:
        nonlocal count
        count += what in ("call", "c_call")

    sys.setprofile(called)
    try:
        _heard(stored, fact)
    finally:
        sys.setprofile(None)
    return count
