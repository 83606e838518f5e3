"""What routing knows of a dossier, whatever order it was learned in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from contracts.events import intake, routing
from contracts.model import EventData
from contracts.values import FilingChannel, Outcome
from contracts.wire.envelope import Event
from services.routing.fold import evolve
from services.routing.state import Routing
from tests.support.facts import received, routed

CODE = "H29.15-240307-0001"
START = datetime(2024, 3, 7, 1, 0, tzinfo=UTC)
STORY: list[tuple[int, EventData]] = [
    (0, received()),
    (0, routed("A", steps=("one", "two", "three"))),
    (0, routing.StepStarted(step="one", ordinal=0, unit="A", lead="a-1")),
    (1, routing.StepReassigned(step="one", ordinal=0, lead="a-2", by="head")),
    (2, routing.StepCompleted(step="one", ordinal=0, unit="A", by="a-2")),
    (2, routing.StepStarted(step="two", ordinal=1, unit="A", lead="a-3")),
    (3, routing.DossierHandedOver(from_unit="A", to_unit="B", reason="r", lead="b-1", by="a-3")),
    (4, routing.DossierHandedOver(from_unit="B", to_unit="C", reason="r", lead="c-1", by="b-1")),
    (5, routing.DossierStopped(reason="court", by="c-1")),
    (6, routing.DossierResumed(reason="settled", by="c-1")),
    (7, routing.StepCompleted(step="two", ordinal=1, unit="C", by="c-1")),
    (7, routing.StepStarted(step="three", ordinal=2, unit="C", lead="c-2")),
    (8, routing.StepCompleted(step="three", ordinal=2, unit="C", by="c-2")),
    (8, routing.DossierProcessed(outcome=Outcome.GRANTED, handling_unit="C", by="c-2")),
    (9, routing.ResultReturned(unit="D", channel=FilingChannel.COUNTER, by="d-1")),
]
EVENTS = [
    Event(f"e-{number:02d}", "/x", CODE, START + timedelta(minutes=minute), data)
    for number, (minute, data) in enumerate(STORY)
]


def folded(events: list[Event]) -> Routing:
    state = Routing()
    for fact in events:
        state = evolve(state, fact)
    return state


@given(st.permutations(EVENTS))
def test_every_order_of_arrival_gives_the_same_state(events: list[Event]) -> None:
    assert folded(events) == folded(EVENTS)


@given(st.integers(0, len(EVENTS)), st.data())
def test_every_order_of_what_is_known_so_far_gives_the_same_state(
    count: int, data: st.DataObject
) -> None:
    known = EVENTS[:count]
    assert folded(data.draw(st.permutations(known))) == folded(known)


def test_the_lead_is_the_one_who_was_named_last() -> None:
    leads = [folded(EVENTS[:count]).lead for count in range(len(EVENTS) + 1)]
    assert leads == [
        *(None, None, None, "a-1", "a-2", None, "a-3", "b-1", "c-1", "c-1", "c-1"),
        *(None, "c-2", None, None, None),
    ]


def test_the_handling_unit_is_the_competent_one_until_it_hands_over() -> None:
    assert [folded(EVENTS[:count]).handling_unit for count in (1, 2, 7, 8)] == [None, "A", "B", "C"]


def test_each_step_keeps_who_did_it_and_when() -> None:
    steps = folded(EVENTS).steps
    assert [(s.step, s.lead, s.completed_by) for s in steps] == [
        ("one", "a-1", "a-2"),
        ("two", "a-3", "c-1"),
        ("three", "c-2", "c-2"),
    ]


def test_a_step_of_whose_end_alone_an_older_system_told_is_kept() -> None:
    (step,) = folded([EVENTS[4]]).steps
    assert (step.step, step.started_at, step.completed_at) == (
        "one",
        EVENTS[4].time,
        EVENTS[4].time,
    )


def test_a_step_that_is_done_again_is_a_record_of_its_own() -> None:
    again = [
        Event("again-1", "/x", CODE, START + timedelta(minutes=20), STORY[2][1]),
        Event("again-2", "/x", CODE, START + timedelta(minutes=21), STORY[4][1]),
    ]
    steps = folded([*EVENTS[:5], *again]).steps
    assert [(s.ordinal, s.completed_at is not None) for s in steps] == [(0, True), (0, True)]


def test_that_nobody_is_competent_is_kept() -> None:
    fact = Event("e", "/x", CODE, START, routing.DossierUnroutable(reason="no rule"))
    assert folded([fact]).unroutable == "no rule"


def test_a_fact_that_does_not_concern_routing_changes_nothing() -> None:
    fact = Event("e", "/x", CODE, START, intake.RemarkRecorded(activity="x"))
    assert folded([*EVENTS, fact]) == folded(EVENTS)
