"""Which answer belongs to which question, whatever order they were learned in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from contracts.events import routing
from contracts.model import EventData
from contracts.wire.envelope import Event
from services.routing.fold import evolve
from services.routing.state import Routing
from services.shared.consultations import (
    Answer,
    Question,
    is_asked_for,
    paired,
    unanswered_since,
)

START = datetime(2024, 3, 7, 1, 0, tzinfo=UTC)


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def asked(minute: int, text: str, unit: str = "B") -> Question:
    return Question(at(minute), f"q-{text}", unit, text, "a-1")


def answered(minute: int, text: str, unit: str = "B") -> Answer:
    return Answer(at(minute), f"a-{text}", unit, text, "b-1")


def told(questions: list[Question], answers: list[Answer]) -> list[tuple[str | None, str | None]]:
    return [(c.question, c.answer) for c in paired(questions, answers)]


@st.composite
def facts(draw: st.DrawFn) -> list[Event]:
    """Questions and answers of a few units in a few minutes, as they may come from anywhere."""
    found = []
    for number in range(draw(st.integers(0, 10))):
        unit = draw(st.sampled_from("BC"))
        data: EventData = (
            routing.ConsultationOpened(unit=unit, question=f"q{number}", by="a-1")
            if draw(st.booleans())
            else routing.ConsultationAnswered(unit=unit, answer=f"a{number}", by="b-1")
        )
        found.append(Event(f"e-{number}", "/x", "H29.15-240307-0001", at(draw(_MINUTES)), data))
    return found


_MINUTES = st.integers(0, 5)


def folded(events: list[Event]) -> Routing:
    state = Routing()
    for fact in events:
        state = evolve(state, fact)
    return state


@given(facts(), st.data())
def test_every_order_of_arrival_gives_the_same_consultations(
    events: list[Event], data: st.DataObject
) -> None:
    other = folded(data.draw(st.permutations(events)))
    assert other == folded(events)
    assert other.consultations == folded(events).consultations


@given(facts())
def test_nothing_that_was_told_is_lost_and_no_answer_comes_before_its_question(
    events: list[Event],
) -> None:
    state = folded(events)
    found = state.consultations
    assert sorted(c.question for c in found if c.question) == sorted(
        q.question for q in state.questions
    )
    assert {c.answer for c in found if c.answer} == {a.answer for a in state.answers}
    for c in found:
        if c.opened_at is not None and c.answered_at is not None:
            assert c.opened_at <= c.answered_at
    times = [c.opened_at or c.answered_at for c in found]
    assert times == sorted(t for t in times if t is not None)


@given(facts())
def test_no_answer_stands_alone_while_its_unit_has_an_older_open_question(
    events: list[Event],
) -> None:
    found = folded(events).consultations
    for alone in (c for c in found if c.opened_at is None):
        assert alone.answered_at is not None
        for c in found:
            if c.unit == alone.unit and c.is_open:
                assert c.opened_at is not None
                assert c.opened_at > alone.answered_at


def test_an_answer_belongs_to_its_units_question() -> None:
    questions = [asked(1, "for B"), asked(2, "for C", "C")]
    assert told(questions, [answered(3, "of C", "C")]) == [("for B", None), ("for C", "of C")]


def test_a_question_asked_again_before_the_answer_is_answered_with_the_first() -> None:
    questions = [asked(1, "first"), asked(2, "reminder")]
    assert told(questions, [answered(3, "one")]) == [("first", "one"), ("reminder", "one")]


def test_a_question_asked_again_after_the_answer_is_a_consultation_of_its_own() -> None:
    questions = [asked(1, "first"), asked(3, "again")]
    assert told(questions, [answered(2, "one")]) == [("first", "one"), ("again", None)]


def test_a_question_asked_again_at_the_instant_of_the_answer_is_open() -> None:
    questions = [asked(1, "first"), asked(2, "again")]
    assert told(questions, [answered(2, "one")]) == [("first", "one"), ("again", None)]


def test_a_question_may_be_answered_at_the_very_instant() -> None:
    assert told([asked(1, "what")], [answered(1, "that")]) == [("what", "that")]


def test_questions_and_answers_of_one_instant_belong_together_one_by_one() -> None:
    questions = [asked(1, "first"), asked(1, "second")]
    assert told(questions, [answered(1, "one")]) == [("first", "one"), ("second", None)]
    assert told(questions, [answered(1, "one"), answered(1, "two")]) == [
        ("first", "one"),
        ("second", "two"),
    ]


def test_an_answer_to_which_no_question_was_told_is_kept() -> None:
    (found,) = paired([], [answered(1, "that")])
    assert (found.unit, found.question, found.opened_at) == ("B", None, None)
    assert (found.answer, found.answered_at, found.answered_by) == ("that", at(1), "b-1")
    assert not found.is_open


def test_a_question_that_came_after_an_answer_is_not_answered_by_it() -> None:
    assert told([asked(2, "what")], [answered(1, "that")]) == [(None, "that"), ("what", None)]


def test_a_unit_owes_an_answer_from_its_question_up_to_its_answer() -> None:
    questions, answers = [asked(1, "what")], [answered(3, "that")]
    since = [unanswered_since(questions, answers, "B", at(minute)) for minute in range(5)]
    assert since == [None, at(1), at(1), None, None]
    assert unanswered_since(questions, answers, "C", at(2)) is None


def test_an_answer_is_asked_for_once() -> None:
    questions = [asked(1, "what")]
    assert is_asked_for(questions, [], answered(2, "that"))
    assert not is_asked_for(questions, [], answered(0, "that"))
    assert not is_asked_for(questions, [], answered(2, "that", "C"))
    assert not is_asked_for(questions, [answered(2, "that")], answered(3, "again"))


def test_an_answer_that_is_entered_late_takes_no_question_from_a_known_one() -> None:
    assert not is_asked_for([asked(1, "what")], [answered(5, "that")], answered(3, "other"))


def test_an_answer_that_is_entered_late_may_answer_a_question_that_is_entered_late() -> None:
    questions = [asked(1, "entered late"), asked(3, "what")]
    assert is_asked_for(questions, [answered(5, "that")], answered(2, "late as well"))
