"""How one event changes one subject: once, after the timers that had passed before it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.wire.envelope import Event, short_id
from services.runtime.core.handle import TimerStuck, fire_timers, handle, set_due
from services.runtime.core.stored import Hold, Stored
from tests.support.rule_sets import WORLD

NOON = datetime(2024, 3, 7, 12, 0, tzinfo=UTC)


def at(second: int) -> datetime:
    return NOON + timedelta(seconds=second)


@pytest.fixture
def stored(purse: Any) -> Stored[Any]:
    return Stored("purse-1", 3, purse.initial("purse-1"))


class TestAFact:
    def test_moves_the_state_and_is_remembered(self, purse: Any, stored: Any, say: Any) -> None:
        event = say.note("hello")
        assert handle(purse, WORLD, stored, event) == []
        assert stored.state.notes == ("hello",)
        assert stored.knows(short_id(event.id))

    def test_causes_what_the_service_makes_of_it_and_that_is_folded_at_once(
        self, purse: Any, stored: Any, say: Any
    ) -> None:
        event = say.note("a find")
        found = handle(purse, WORLD, stored, event)
        assert [e.data.model_dump()["amount"] for e in found] == [1, 2]
        assert stored.state.total == 3
        assert {e.cause for e in found} == {event.id}
        assert {e.source for e in found} == {"/motcua/purse"}
        assert {e.time for e in found} == {event.time}

    def test_makes_its_own_facts_known_so_that_their_echo_is_a_duplicate(
        self, purse: Any, stored: Any, say: Any
    ) -> None:
        for fact in handle(purse, WORLD, stored, say.note("a find")):
            assert stored.knows(short_id(fact.id))

    def test_comes_to_the_same_events_with_the_same_ids_every_time(
        self, purse: Any, say: Any
    ) -> None:
        event = say.note("a find")
        first, second = (
            handle(purse, WORLD, Stored("purse-1", 3, purse.initial("")), event) for _ in "ab"
        )
        assert first == second
        assert len({e.id for e in first}) == 2

    def test_about_the_past_causes_facts_about_the_past(
        self, purse: Any, stored: Any, say: Any
    ) -> None:
        assert all(
            e.history for e in handle(purse, WORLD, stored, say.note("a find", history=True))
        )


class TestARequest:
    def test_becomes_a_fact_and_an_answer(self, purse: Any, stored: Any, say: Any) -> None:
        event = say.ask(7)
        (fact,) = handle(purse, WORLD, stored, event)
        assert stored.state.total == 7
        (answer,) = stored.answers
        assert (answer.request, answer.fingerprint) == (event.id, "f")
        assert (answer.fact, answer.fact_id, answer.reason) == (fact.type, fact.id, None)

    def test_that_is_refused_moves_nothing_and_its_refusal_is_no_fact_of_the_state(
        self, purse: Any, stored: Any, say: Any
    ) -> None:
        (fact,) = handle(purse, WORLD, stored, say.ask(101))
        assert stored.state == purse.initial("purse-1")
        assert not stored.knows(short_id(fact.id))
        assert stored.answers[0].reason == "overpaid"
        assert stored.answers[0].detail == "it is full"

    def test_that_nobody_waits_for_leaves_no_answer(
        self, purse: Any, stored: Any, say: Any
    ) -> None:
        asked = say.ask(7)
        handle(
            purse, WORLD, stored, Event(asked.id, "/test", asked.subject, asked.time, asked.data)
        )
        assert stored.answers == ()

    def test_that_comes_to_nothing_leaves_no_answer(
        self, purse: Any, stored: Any, say: Any
    ) -> None:
        assert handle(purse, WORLD, stored, say.ask(7, reference="nothing")) == []
        assert stored.answers == ()


class TestTimers:
    def test_that_passed_before_an_event_fire_before_it(
        self, purse: Any, stored: Any, say: Any
    ) -> None:
        handle(purse, WORLD, stored, say.note("wake 30"))
        fired = handle(purse, WORLD, stored, say.note("late", at=31))
        assert [(e.time, e.data.NAME) for e in fired] == [(at(30), "SupplementDelivered")]
        assert stored.state.rung == 1

    def test_that_wait_for_the_clock_alone_are_not_fired_by_an_event(
        self, purse: Any, stored: Any, say: Any
    ) -> None:
        purse.clock_alone = True
        handle(purse, WORLD, stored, say.note("wake 30"))
        assert handle(purse, WORLD, stored, say.note("late", at=31)) == []
        assert [e.time for e in fire_timers(purse, WORLD, stored, at(31))] == [at(30)]

    def test_fire_after_their_time_and_not_at_it(self, purse: Any, stored: Any, say: Any) -> None:
        handle(purse, WORLD, stored, say.note("wake 30"))
        assert handle(purse, WORLD, stored, say.note("in time", at=30)) == []
        assert stored.state.rung == 0

    def test_fire_in_the_order_of_their_times_each_with_its_own_id(
        self, purse: Any, stored: Any, say: Any
    ) -> None:
        for seconds in (20, 10, 30):
            handle(purse, WORLD, stored, say.note(f"wake {seconds}"))
        fired = fire_timers(purse, WORLD, stored, at(25))
        assert [e.time for e in fired] == [at(10), at(20)]
        assert len({e.id for e in fired}) == 2
        assert stored.state.alarms == (at(30),)

    def test_fire_before_a_request_even_if_it_is_refused(
        self, purse: Any, stored: Any, say: Any
    ) -> None:
        handle(purse, WORLD, stored, say.note("wake 30"))
        names = [e.data.NAME for e in handle(purse, WORLD, stored, say.ask(999, at=40))]
        assert names == ["SupplementDelivered", "PaymentReportRefused"]

    def test_that_fire_twice_over_fire_as_the_same_event(self, purse: Any, say: Any) -> None:
        event = say.note("wake 30")
        ids = []
        for before in (31, 4000):
            stored = Stored("purse-1", 3, purse.initial("purse-1"))
            handle(purse, WORLD, stored, event)
            ids += [e.id for e in fire_timers(purse, WORLD, stored, at(before))]
        assert ids[0] == ids[1]

    def test_of_a_told_past_cause_facts_about_the_past(
        self, purse: Any, stored: Any, say: Any
    ) -> None:
        purse.own_time = True
        handle(purse, WORLD, stored, say.note("wake 30"))
        assert [e.history for e in fire_timers(purse, WORLD, stored, at(31))] == [True]

    def test_that_come_to_nothing_are_a_defect(self, purse: Any, stored: Any, say: Any) -> None:
        purse.alarm = "silent"
        handle(purse, WORLD, stored, say.note("wake 30"))
        with pytest.raises(TimerStuck, match="alarm of purse-1 came to nothing"):
            fire_timers(purse, WORLD, stored, at(31))

    def test_that_would_fire_for_ever_are_a_defect(self, purse: Any, stored: Any, say: Any) -> None:
        purse.alarm = "for-ever"
        handle(purse, WORLD, stored, say.note("wake 30"))
        with pytest.raises(TimerStuck, match="alarm of purse-1 fires for ever"):
            fire_timers(purse, WORLD, stored, at(31))


class TestWhenTheClockMustLookAgain:
    def test_is_when_the_next_timer_is_due(self, purse: Any, stored: Any, say: Any) -> None:
        handle(purse, WORLD, stored, say.note("wake 30"))
        set_due(purse, WORLD, stored)
        assert stored.due == at(30)

    def test_is_never_for_a_state_that_waits_for_nothing(self, purse: Any, stored: Any) -> None:
        stored.due = NOON
        set_due(purse, WORLD, stored)
        assert stored.due is None

    def test_is_when_it_was_as_long_as_something_is_unsaid(
        self, purse: Any, stored: Any, say: Any
    ) -> None:
        handle(purse, WORLD, stored, say.note("wake 30"))
        set_due(purse, WORLD, stored)
        stored.unsaid = fire_timers(purse, WORLD, stored, at(31))
        set_due(purse, WORLD, stored)
        assert stored.due == at(30)
        stored.unsaid = []
        set_due(purse, WORLD, stored)
        assert stored.due is None

    def test_is_never_for_a_subject_that_is_held(self, purse: Any, stored: Any, say: Any) -> None:
        handle(purse, WORLD, stored, say.note("wake 30"))
        stored.hold = Hold(1, 1, "bad-body", "")
        set_due(purse, WORLD, stored)
        assert stored.due is None

    def test_is_never_for_a_timer_of_the_subjects_own_time(
        self, purse: Any, stored: Any, say: Any
    ) -> None:
        purse.own_time = True
        handle(purse, WORLD, stored, say.note("wake 30"))
        set_due(purse, WORLD, stored)
        assert stored.due is None
