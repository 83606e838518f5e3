"""How a plan is cut into slices that can be settled one after the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events.clock import ClockTicked
from contracts.wire.envelope import Event
from motcua.simulate import SimulatedDay, slices

START = datetime(2026, 3, 11, tzinfo=UTC)
ENDS = START + timedelta(days=1)


def event(minute: int, dossier: int) -> Event:
    """The one request about a dossier in that minute."""
    time = START + timedelta(minutes=minute)
    return Event(f"{dossier}-{minute}", "/test", f"A-260311-{dossier:04d}", time, ClockTicked())


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    minutes = sorted(draw(st.lists(st.integers(0, 60), max_size=40)))
    found = list({(m, d): event(m, d) for m in minutes for d in [draw(st.integers(0, 6))]}.values())
    for place in draw(st.lists(st.integers(0, 39), max_size=8)):
        if place < len(found):
            found.insert(place + draw(st.integers(1, 8)), found[place])
    return found


@given(streams(), st.integers(1, 10))
def test_slices_are_the_stream_cut_where_a_dossier_comes_back(
    stream: list[Event], most: int
) -> None:
    found = list(slices(stream, most, ends=ENDS))
    assert [e for s in found for e in s.events] == stream
    told: set[str] = set()
    for part in found:
        assert 1 <= len(part.events) <= most
        new = {e.id: e.subject for e in part.events if e.id not in told}
        assert len(set(new.values())) == len(new)
        told.update(new)


@given(streams(), st.integers(1, 10))
def test_until_goes_forward_and_all_before_it_is_told(stream: list[Event], most: int) -> None:
    found = list(slices(stream, most, ends=ENDS))
    assert all(a.until <= b.until for a, b in pairwise(found))
    told: set[str] = set()
    for part in found:
        told.update(e.id for e in part.events)
        assert all(e.time <= part.until for e in part.events)
        assert all(e.time >= part.until for e in stream if e.id not in told)
    if found:
        assert found[-1].until == ENDS


def test_until_is_the_time_of_the_next_slices_first_request() -> None:
    stream = [event(0, 1), event(1, 2), event(5, 1)]
    assert [(len(s.events), s.until) for s in slices(stream, ends=ENDS)] == [
        (2, START + timedelta(minutes=5)),
        (1, ENDS),
    ]


def test_a_duplicate_opens_no_slice() -> None:
    one, two = event(0, 1), event(1, 2)
    assert [s.events for s in slices([one, one, two, one])] == [[one, one, two, one]]


def test_a_duplicate_that_opens_a_full_slices_successor_does_not_turn_time_back() -> None:
    one, two, three = event(0, 1), event(1, 2), event(2, 3)
    untils = [s.until for s in slices([one, two, one, three], most=2, ends=ENDS)]
    assert untils == [START + timedelta(minutes=2), ENDS]


def test_without_an_end_the_last_slice_ends_with_its_latest_request() -> None:
    stream = [event(0, 1), event(3, 2), event(0, 1)]
    assert [s.until for s in slices(stream)] == [START + timedelta(minutes=3)]


def test_nothing_to_tell_is_no_slice() -> None:
    assert list(slices([])) == []


def test_a_slice_must_hold_something() -> None:
    with pytest.raises(ValueError, match="at least one"):
        list(slices([], most=0))


def test_a_whole_plan_is_cut_into_far_fewer_slices_than_requests(simulated: SimulatedDay) -> None:
    found = list(slices(simulated.requests, ends=simulated.ends))
    assert sum(len(s.events) for s in found) == len(simulated.requests)
    assert len(found) < len(simulated.requests) / 20
