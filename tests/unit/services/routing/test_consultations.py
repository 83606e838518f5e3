"""What routing decides of consultations: who may be asked, who may answer, what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from contracts.events import routing
from contracts.events.refusals import RefusalReason
from contracts.events.sla import Budget, TimeUnit
from contracts.model import EventData
from tests.support.facts import WITHDRAWN
from tests.support.routing_dossiers import (
    ANSWER,
    CONSULT,
    HAND_OVER,
    OPEN,
    OTHER,
    RECEIVED,
    START,
    STOP,
    Dossier,
    imported,
)


class TestAConsultation:
    @pytest.mark.parametrize("so_far", OPEN)
    def test_leaves_the_dossier_where_it_is_and_as_it_is(
        self, dossier: Dossier, so_far: Sequence[EventData]
    ) -> None:
        for data in so_far:
            dossier.told(data, 1)
        before = dossier.state
        assert dossier.told(CONSULT, 2) == [
            routing.ConsultationOpened(unit=OTHER, question="is it safe?", by="cb-1")
        ]
        assert dossier.state.status is before.status
        assert dossier.state.handling_unit == before.handling_unit
        assert dossier.state.lead == before.lead

    def test_gives_the_authority_the_time_that_was_asked_for(self, dossier: Dossier) -> None:
        budget = Budget(amount=5, unit=TimeUnit.WORKING_DAYS)
        (fact,) = dossier.told(CONSULT.model_copy(update={"budget": budget}), 1)
        assert isinstance(fact, routing.ConsultationOpened)
        assert fact.budget == budget

    def test_is_open_until_it_is_answered(self, dossier: Dossier) -> None:
        dossier.told(CONSULT, 1)
        assert [c.is_open for c in dossier.state.consultations] == [True]
        assert dossier.told(ANSWER, 2, by="cb-9") == [
            routing.ConsultationAnswered(unit=OTHER, answer="it is", by="cb-9")
        ]
        assert [c.is_open for c in dossier.state.consultations] == [False]

    def test_does_not_hold_the_steps_up(self, dossier: Dossier) -> None:
        dossier.told(CONSULT, 1)
        for minute in (2, 3, 4):
            dossier.done(minute)
        assert dossier.state.outcome == "granted"

    def test_of_a_unit_that_does_not_exist_is_refused(self, dossier: Dossier) -> None:
        request = CONSULT.model_copy(update={"unit": "H99"})
        assert dossier.refused(request)[0] == RefusalReason.UNKNOWN_UNIT

    def test_of_the_unit_that_handles_the_dossier_is_refused(self, dossier: Dossier) -> None:
        request = CONSULT.model_copy(update={"unit": dossier.state.handling_unit})
        reason, detail = dossier.refused(request)
        assert reason == RefusalReason.WRONG_STATE
        assert "cannot ask itself" in detail

    def test_of_what_nobody_handles_is_refused(self) -> None:
        dossier = Dossier()
        dossier.told(RECEIVED.model_copy(update={"place": "99999"}))
        reason, detail = dossier.refused(CONSULT)
        assert reason == RefusalReason.WRONG_STATE
        assert "hand it over first" in detail

    def test_of_a_unit_that_has_not_answered_yet_is_refused(self, dossier: Dossier) -> None:
        dossier.told(CONSULT, 1)
        reason, detail = dossier.refused(CONSULT, minute=2)
        assert reason == RefusalReason.WRONG_STATE
        assert "was asked at 2024-03-07T01:01:00.000Z and has not answered yet" in detail

    def test_of_several_units_at_once_is_possible(self, dossier: Dossier) -> None:
        dossier.told(CONSULT, 1)
        dossier.told(CONSULT.model_copy(update={"unit": "H29.14"}), 2)
        dossier.told(ANSWER.model_copy(update={"unit": "H29.14"}), 3)
        assert [(c.unit, c.is_open) for c in dossier.state.consultations] == [
            (OTHER, True),
            ("H29.14", False),
        ]

    def test_of_a_unit_that_has_answered_is_possible_again(self, dossier: Dossier) -> None:
        for minute, request in enumerate((CONSULT, ANSWER, CONSULT), 1):
            dossier.told(request, minute)
        assert [c.is_open for c in dossier.state.consultations] == [False, True]

    def test_that_is_entered_late_is_judged_by_how_things_stood_then(
        self, dossier: Dossier
    ) -> None:
        dossier.told(CONSULT, 10)
        dossier.told(CONSULT, 5)
        dossier.told(ANSWER, 6)
        assert [c.opened_at for c in dossier.state.consultations if c.is_open] == [
            START + timedelta(minutes=10)
        ]

    def test_of_the_unit_that_got_the_dossier_meanwhile_is_answered_all_the_same(
        self, dossier: Dossier
    ) -> None:
        dossier.told(CONSULT, 1)
        dossier.told(HAND_OVER, 2)
        (fact,) = dossier.told(ANSWER, 3)
        assert isinstance(fact, routing.ConsultationAnswered)


class TestAnAnswer:
    def test_without_a_question_is_refused(self, dossier: Dossier) -> None:
        reason, detail = dossier.refused(ANSWER)
        assert reason == RefusalReason.NOTHING_OUTSTANDING
        assert f"no question to unit {OTHER}" in detail

    def test_of_another_unit_than_was_asked_is_refused(self, dossier: Dossier) -> None:
        dossier.told(CONSULT, 1)
        request = ANSWER.model_copy(update={"unit": "H29.14"})
        assert dossier.refused(request)[0] == RefusalReason.NOTHING_OUTSTANDING

    def test_before_the_question_is_refused(self, dossier: Dossier) -> None:
        dossier.told(CONSULT, 10)
        assert dossier.refused(ANSWER, minute=9)[0] == RefusalReason.NOTHING_OUTSTANDING

    def test_is_given_but_once_even_if_that_is_entered_late(self, dossier: Dossier) -> None:
        dossier.told(CONSULT, 1)
        dossier.told(ANSWER, 9)
        for minute in (5, 10):
            reason, _ = dossier.refused(ANSWER, minute)
            assert reason == RefusalReason.NOTHING_OUTSTANDING

    def test_may_come_while_the_dossier_is_stopped(self, dossier: Dossier) -> None:
        dossier.told(CONSULT, 1)
        dossier.told(STOP, 2)
        (fact,) = dossier.told(ANSWER, 3)
        assert isinstance(fact, routing.ConsultationAnswered)

    @pytest.mark.parametrize("end", ["a result", "a withdrawal"])
    def test_after_the_dossiers_end_is_refused(self, dossier: Dossier, end: str) -> None:
        dossier.told(CONSULT, 1)
        if end == "a result":
            for minute in (2, 3, 4):
                dossier.done(minute)
        else:
            dossier.told(WITHDRAWN, 4)
        reason, detail = dossier.refused(ANSWER, 5)
        assert reason == RefusalReason.WRONG_STATE
        assert "cannot be answered" in detail

    def test_to_a_question_of_an_older_system_is_taken(self) -> None:
        dossier = imported(unit="H29.14")
        opened = routing.ConsultationOpened(unit="H99.9", question="is it safe?", by="cb-1")
        dossier.told(opened, 3, history=True)
        (fact,) = dossier.told(ANSWER.model_copy(update={"unit": "H99.9"}), 60)
        assert isinstance(fact, routing.ConsultationAnswered)
