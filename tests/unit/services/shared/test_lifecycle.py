"""What a dossier's facts make of its public state, whatever order they are learned in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import intake, routing
from contracts.model import EventData, Kind, registered
from contracts.wire.envelope import Event
from services.shared.lifecycle import (
    CLOCK_STOPPED,
    ENDED,
    MOVING_FACTS,
    Mark,
    Move,
    Phase,
    PublicStatus,
    Tracked,
    mark_of,
    phases,
    status_at,
    status_of,
    track,
    with_mark,
)

START = datetime(2024, 3, 7, 1, 0, tzinfo=UTC)


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def told(*moves: Move | tuple[int, Move]) -> tuple[Mark, ...]:
    """Marks of these moves: one a minute, or at the minute that is given."""
    marks: tuple[Mark, ...] = ()
    for number, move in enumerate(moves):
        minute, what = move if isinstance(move, tuple) else (number, move)
        marks = with_mark(marks, Mark(at(minute), what, f"id-{number}"))
    return marks


def states(*moves: Move | tuple[int, Move]) -> list[PublicStatus]:
    return [phase.status for phase in phases(told(*moves))]


UNDER_WAY = (Move.REGISTERED, Move.RECEIVED, Move.STARTED)
SO_FAR = [PublicStatus.REGISTERED, PublicStatus.RECEIVED, PublicStatus.IN_PROCESS]


class TestTheWayOfADossier:
    def test_has_no_state_before_anything_happened(self) -> None:
        assert phases(()) == []
        assert status_of(()) is None
        assert status_at((), START) is None

    def test_leads_from_registration_to_the_returned_result(self) -> None:
        assert states(*UNDER_WAY, Move.PROCESSED, Move.RETURNED) == [
            *SO_FAR,
            PublicStatus.PROCESSED,
            PublicStatus.RETURNED,
        ]

    def test_may_begin_at_the_counter(self) -> None:
        assert states(Move.RECEIVED) == [PublicStatus.RECEIVED]

    def test_may_end_at_the_door(self) -> None:
        assert states(Move.REGISTERED, Move.NOT_RECEIVED) == [
            PublicStatus.REGISTERED,
            PublicStatus.NOT_RECEIVED,
        ]

    def test_may_end_before_any_step_was_started(self) -> None:
        assert states(Move.RECEIVED, Move.PROCESSED)[-1] is PublicStatus.PROCESSED

    def test_may_end_with_a_withdrawal_before_reception(self) -> None:
        assert states(Move.REGISTERED, Move.WITHDRAWN)[-1] is PublicStatus.WITHDRAWN

    def test_tells_each_state_with_its_time(self) -> None:
        assert phases(told(Move.RECEIVED, Move.STARTED)) == [
            Phase(at(0), PublicStatus.RECEIVED),
            Phase(at(1), PublicStatus.IN_PROCESS),
        ]

    def test_tells_a_state_once_however_many_steps_follow(self) -> None:
        assert states(*UNDER_WAY, Move.STARTED, Move.STARTED) == SO_FAR


@pytest.mark.parametrize(
    ("begins", "ends", "state"),
    [
        (Move.SUPPLEMENT_DEMANDED, Move.SUPPLEMENT_DELIVERED, PublicStatus.SUPPLEMENT_REQUESTED),
        (Move.PAYMENT_DEMANDED, Move.PAYMENT_SETTLED, PublicStatus.PAYMENT_REQUESTED),
        (Move.STOPPED, Move.RESUMED, PublicStatus.STOPPED),
    ],
)
class TestAPause:
    def test_stops_the_clock_until_it_ends(
        self, begins: Move, ends: Move, state: PublicStatus
    ) -> None:
        assert states(*UNDER_WAY, begins, ends) == [*SO_FAR, state, PublicStatus.IN_PROCESS]
        assert state in CLOCK_STOPPED

    def test_goes_back_to_received_when_no_step_was_started(
        self, begins: Move, ends: Move, state: PublicStatus
    ) -> None:
        assert states(Move.RECEIVED, begins, ends) == [
            PublicStatus.RECEIVED,
            state,
            PublicStatus.RECEIVED,
        ]

    def test_that_begins_twice_ends_once(
        self, begins: Move, ends: Move, state: PublicStatus
    ) -> None:
        assert states(*UNDER_WAY, begins, begins, ends) == [
            *SO_FAR,
            state,
            PublicStatus.IN_PROCESS,
        ]

    def test_that_nobody_began_does_not_end(
        self, begins: Move, ends: Move, state: PublicStatus
    ) -> None:
        assert states(*UNDER_WAY, ends) == SO_FAR

    def test_that_begins_and_ends_in_one_instant_is_over(
        self, begins: Move, ends: Move, state: PublicStatus
    ) -> None:
        marks = told((0, Move.RECEIVED), (5, ends), (5, begins))
        assert status_of(marks) is PublicStatus.RECEIVED

    @pytest.mark.parametrize("end", [Move.WITHDRAWN, Move.PROCESSED])
    def test_after_the_end_is_ignored(
        self, begins: Move, ends: Move, state: PublicStatus, end: Move
    ) -> None:
        ended = states(*UNDER_WAY, end)
        assert states(*UNDER_WAY, end, begins) == ended
        assert states(*UNDER_WAY, end, begins, ends) == ended

    def test_that_is_open_ends_with_the_dossier(
        self, begins: Move, ends: Move, state: PublicStatus
    ) -> None:
        assert states(*UNDER_WAY, begins, Move.WITHDRAWN) == [
            *SO_FAR,
            state,
            PublicStatus.WITHDRAWN,
        ]

    def test_before_anything_else_is_ignored(
        self, begins: Move, ends: Move, state: PublicStatus
    ) -> None:
        assert states(begins, Move.RECEIVED) == [PublicStatus.RECEIVED]


def test_pauses_that_overlap_last_until_the_last_of_them_ends() -> None:
    assert states(
        Move.RECEIVED,
        Move.PAYMENT_DEMANDED,
        Move.SUPPLEMENT_DEMANDED,
        Move.STOPPED,
        Move.SUPPLEMENT_DELIVERED,
        Move.RESUMED,
        Move.PAYMENT_SETTLED,
    ) == [
        PublicStatus.RECEIVED,
        PublicStatus.PAYMENT_REQUESTED,
        PublicStatus.SUPPLEMENT_REQUESTED,
        PublicStatus.STOPPED,
        PublicStatus.PAYMENT_REQUESTED,
        PublicStatus.RECEIVED,
    ]


class TestFactsThatExcludeEachOther:
    def test_a_withdrawal_before_the_result_stands(self) -> None:
        marks = told((0, Move.RECEIVED), (5, Move.PROCESSED), (4, Move.WITHDRAWN))
        assert status_of(marks) is PublicStatus.WITHDRAWN

    def test_a_result_before_the_withdrawal_stands(self) -> None:
        marks = told((0, Move.RECEIVED), (5, Move.WITHDRAWN), (4, Move.PROCESSED))
        assert status_of(marks) is PublicStatus.PROCESSED

    def test_at_the_same_instant_the_withdrawal_stands(self) -> None:
        marks = told((0, Move.RECEIVED), (5, Move.PROCESSED), (5, Move.WITHDRAWN))
        assert status_of(marks) is PublicStatus.WITHDRAWN

    def test_a_result_is_not_returned_for_a_withdrawn_dossier(self) -> None:
        assert states(Move.RECEIVED, Move.WITHDRAWN, Move.RETURNED)[-1] is PublicStatus.WITHDRAWN

    def test_a_result_that_is_not_there_is_not_returned(self) -> None:
        assert states(*UNDER_WAY, Move.RETURNED) == SO_FAR

    def test_a_received_dossier_is_not_turned_away(self) -> None:
        assert states(Move.RECEIVED, Move.NOT_RECEIVED) == [PublicStatus.RECEIVED]

    def test_a_dossier_that_was_turned_away_is_not_received(self) -> None:
        assert states(Move.NOT_RECEIVED, Move.RECEIVED) == [PublicStatus.NOT_RECEIVED]


class TestTheStateAtATime:
    MARKS = told((0, Move.RECEIVED), (10, Move.STOPPED), (20, Move.RESUMED))

    @pytest.mark.parametrize(
        ("minute", "status"),
        [
            (-1, None),
            (0, PublicStatus.RECEIVED),
            (9, PublicStatus.RECEIVED),
            (10, PublicStatus.STOPPED),
            (19, PublicStatus.STOPPED),
            (20, PublicStatus.RECEIVED),
            (99, PublicStatus.RECEIVED),
        ],
    )
    def test_takes_in_what_happens_at_that_instant(
        self, minute: int, status: PublicStatus | None
    ) -> None:
        assert status_at(self.MARKS, at(minute)) is status


MARKS = st.builds(
    Mark,
    st.integers(0, 8).map(at),
    st.sampled_from(Move),
    st.sampled_from(["id-a", "id-b", "id-c"]),
)


@given(st.data(), st.lists(MARKS, max_size=25))
def test_the_order_in_which_facts_are_learned_does_not_matter(
    data: st.DataObject, marks: list[Mark]
) -> None:
    one: tuple[Mark, ...] = ()
    for mark in marks:
        one = with_mark(one, mark)
    other: tuple[Mark, ...] = ()
    for mark in data.draw(st.permutations(marks)):
        other = with_mark(other, mark)
    assert one == other
    assert phases(one) == phases(other)


@given(st.lists(MARKS, max_size=25))
def test_a_fact_that_is_learned_twice_counts_once(marks: list[Mark]) -> None:
    once: tuple[Mark, ...] = ()
    for mark in marks:
        once = with_mark(once, mark)
    twice = once
    for mark in marks:
        twice = with_mark(twice, mark)
    assert twice == once == tuple(sorted(set(marks)))


@given(st.lists(MARKS, max_size=25))
def test_any_set_of_facts_makes_a_life_that_makes_sense(marks: list[Mark]) -> None:
    found = phases(sorted(set(marks)))
    for before, after in pairwise(found):
        assert before.since <= after.since
        assert before.status is not after.status
        if before.status in ENDED:
            assert (before.status, after.status) == (
                PublicStatus.PROCESSED,
                PublicStatus.RETURNED,
            )
        assert after.status is not PublicStatus.REGISTERED


@given(st.lists(MARKS, max_size=25), st.integers(-1, 9))
def test_what_comes_later_does_not_change_what_was(marks: list[Mark], minute: int) -> None:
    ordered = sorted(set(marks))
    whole = [phase for phase in phases(ordered) if phase.since <= at(minute)]
    assert whole == phases(mark for mark in ordered if mark.time <= at(minute))


def event(data: EventData) -> Event:
    return Event("4f0d3a52-0c5e-5d0e-9a51-6d8f1c2b3a40", "/s", "H29.15-240307-0001", START, data)


class TestAMark:
    def test_is_left_by_a_fact_that_moves_a_state(self) -> None:
        stopped = routing.DossierStopped(reason="Tranh chấp", by="cb-0412")
        assert mark_of(event(stopped)) == Mark(START, Move.STOPPED, "4f0d3a52-0c5e")

    def test_is_not_left_by_a_request(self) -> None:
        assert mark_of(event(routing.StopRequested(reason="x"))) is None

    def test_is_not_left_by_a_remark(self) -> None:
        assert mark_of(event(intake.RemarkRecorded(activity="Gọi điện cho công dân"))) is None

    def test_is_left_by_a_payment_only_when_nothing_is_outstanding(self) -> None:
        part = intake.PaymentReceived(amount=1, outstanding=1, reference="BL-1")
        rest = intake.PaymentReceived(amount=1, outstanding=0, reference="BL-2")
        assert mark_of(event(part)) is None
        assert mark_of(event(rest)) == Mark(START, Move.PAYMENT_SETTLED, "4f0d3a52-0c5e")

    def test_can_be_left_by_moving_facts_alone(self) -> None:
        assert len(MOVING_FACTS) == len(Move)
        for cls in MOVING_FACTS:
            assert registered()[cls.TYPE].KIND is Kind.FACT


class TestAHistory:
    def test_is_opened_again_by_what_is_told_later_and_closed_again(self) -> None:
        def fact(data: EventData, minute: int, *, history: bool = True) -> Event:
            return Event(f"{minute}", "/s", "H29.15-240307-0001", at(minute), data, history=history)

        stopped = routing.DossierStopped(reason="x", by="cb-1")
        remark = intake.RemarkRecorded(activity="x")
        found = []
        state = Tracked()
        for told in (
            fact(stopped, 0),
            fact(intake.HistoryClosed(), 1),
            fact(routing.DossierResumed(reason="x", by="cb-1"), 2, history=False),
            fact(remark, 3),
            fact(intake.HistoryClosed(), 4),
            fact(remark, 5, history=False),
        ):
            state = track(state, told)
            found.append(state.history)
        assert found == [True, False, False, True, False, False]
