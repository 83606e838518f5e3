"""What routing decides: who handles a dossier, who leads each step, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from contracts.events import routing
from contracts.events.refusals import RefusalReason
from contracts.model import EventData
from contracts.values import FilingChannel, Outcome
from contracts.wire.codec import types
from services.routing.competence import lead_for
from services.routing.decisions import REQUESTS, decide
from services.routing.state import Routing
from services.routing.view import view
from services.shared.entry_limit import entry_limit
from tests.support.facts import WITHDRAWN
from tests.support.routing_dossiers import (
    ANSWER,
    CATALOGUE,
    CODE,
    CONSULT,
    DECIDER,
    HAND_OVER,
    OPEN,
    OTHER,
    RECEIVED,
    START,
    STEPS,
    STOP,
    Dossier,
    event,
    imported,
)
from tests.support.rule_sets import WORLD

COMPLETE = routing.StepCompletionRequested(step="verify")
REASSIGN = routing.StepReassignmentRequested(lead="cb-1")
RESUME = routing.ResumptionRequested(reason="settled")
RETURN = routing.ResultReturnRequested(unit=OTHER, channel=FilingChannel.COUNTER)


class TestReception:
    def test_routes_the_dossier_and_starts_its_first_step(self) -> None:
        routed, started = Dossier().told(RECEIVED)
        assert isinstance(routed, routing.DossierRouted)
        assert isinstance(started, routing.StepStarted)
        assert (routed.workflow, routed.workflow_version, routed.steps) == ("residence", 1, STEPS)
        assert routed.rule == "ward"
        unit = CATALOGUE.units[routed.handling_unit]
        assert "26740" in unit.places
        assert (started.step, started.ordinal, started.unit) == ("verify", 0, unit.code)
        assert started.lead == lead_for(unit, CODE, "verify")

    def test_takes_the_newest_version_of_the_workflow(self) -> None:
        routed, _ = Dossier().told(RECEIVED.model_copy(update={"procedure": "1.004859"}))
        assert (routed.workflow, routed.workflow_version) == ("standard", 2)  # type: ignore[attr-defined]

    def test_of_what_nobody_is_competent_for_says_so(self) -> None:
        (fact,) = Dossier().told(RECEIVED.model_copy(update={"place": "99999"}))
        assert isinstance(fact, routing.DossierUnroutable)
        assert "place 99999" in fact.reason

    def test_told_by_an_older_system_routes_nothing(self) -> None:
        assert Dossier().told(RECEIVED, history=True) == []

    def test_told_again_routes_nothing(self, dossier: Dossier) -> None:
        assert dossier.told(RECEIVED, 5) == []

    def test_of_another_kind_is_none(self) -> None:
        assert Dossier().told(WITHDRAWN) == []


class TestTheStepsOfADossier:
    def test_follow_one_another_to_the_result(self, dossier: Dossier) -> None:
        unit = dossier.state.handling_unit
        for minute, (step, following) in enumerate(pairwise(STEPS), 1):
            completed, started = dossier.done(minute)
            assert completed.step == step  # type: ignore[attr-defined]
            assert (started.step, started.ordinal) == (following, minute)  # type: ignore[attr-defined]
        done, processed = dossier.done(3)
        assert isinstance(done, routing.StepCompleted)
        assert isinstance(processed, routing.DossierProcessed)
        assert (processed.outcome, processed.handling_unit) == (Outcome.GRANTED, unit)
        assert dossier.state.open_step is None
        assert dossier.state.lead is None
        assert dossier.state.outcome == "granted"

    def test_follow_one_another_even_within_one_instant(self, dossier: Dossier) -> None:
        for _ in STEPS:
            stored = dossier.stored
            stored.applied.clear()
            stored.ids = b""
            dossier.done(7)
        assert dossier.state.outcome == "granted"

    def test_come_out_as_the_last_one_says(self, dossier: Dossier) -> None:
        dossier.done(1)
        dossier.done(2)
        lead = dossier.state.lead
        assert lead is not None
        request = routing.StepCompletionRequested(step="update-register", outcome=Outcome.DENIED)
        assert dossier.told(request, 3, by=lead)[1].outcome is Outcome.DENIED  # type: ignore[attr-defined]

    def test_may_be_completed_by_the_units_head(self, dossier: Dossier) -> None:
        unit = dossier.state.handling_unit
        assert unit is not None
        assert len(dossier.done(1, by=CATALOGUE.units[unit].head)) == 2

    def test_are_completed_by_nobody_else(self, dossier: Dossier) -> None:
        reason, detail = dossier.refused(COMPLETE, by="cb-x")
        assert reason == RefusalReason.NOT_THE_LEAD
        assert detail.startswith("this takes: officer who leads the open step; officer to whom")
        assert dossier.state.lead is not None
        assert dossier.state.lead not in detail

    def test_are_not_completed_out_of_turn(self, dossier: Dossier) -> None:
        later = COMPLETE.model_copy(update={"step": "update-register"})
        reason, detail = dossier.refused(later)
        assert reason == RefusalReason.WRONG_STEP
        assert "the open step is verify" in detail

    @pytest.mark.parametrize("request_", [COMPLETE, REASSIGN, HAND_OVER], ids=lambda r: r.NAME)
    def test_cannot_be_changed_before_they_began(
        self, dossier: Dossier, request_: EventData
    ) -> None:
        dossier.done(30)
        reason, detail = dossier.refused(request_, minute=10)
        assert reason == RefusalReason.WRONG_STEP
        assert "started at 2024-03-07T01:30:00.000Z" in detail

    def test_are_none_where_an_older_system_told_of_none(self) -> None:
        dossier = Dossier()
        dossier.told(RECEIVED, history=True)
        reason, detail = dossier.refused(COMPLETE, by="cb-1")
        assert (reason, detail) == (RefusalReason.WRONG_STEP, "no step is open")

    @pytest.mark.parametrize("request_", [COMPLETE, REASSIGN], ids=lambda r: r.NAME)
    def test_that_an_older_system_told_of_without_a_plan_need_a_hand_over_first(
        self, request_: EventData
    ) -> None:
        dossier = Dossier()
        dossier.told(RECEIVED, history=True)
        step = routing.StepStarted(step="verify", ordinal=0, unit=OTHER, lead="cb-1")
        dossier.told(step, 1, history=True)
        reason, detail = dossier.refused(request_)
        assert reason == RefusalReason.WRONG_STATE
        assert "hand it over first" in detail

    @pytest.mark.parametrize("request_", [COMPLETE, REASSIGN], ids=lambda r: r.NAME)
    def test_at_a_unit_that_the_catalogue_lost_are_refused_and_break_nothing(
        self, request_: EventData
    ) -> None:
        dossier = imported(unit="H99.9")
        assert dossier.refused(request_)[0] == RefusalReason.UNKNOWN_UNIT

    def test_end_with_the_last_one_even_at_a_unit_that_the_catalogue_lost(self) -> None:
        dossier = imported(unit="H99.9", ordinal=2, step="update-register")
        assert isinstance(dossier.done(60)[1], routing.DossierProcessed)

    def test_end_with_one_beyond_the_last_that_an_older_system_told_of(self) -> None:
        dossier = imported(unit=OTHER, ordinal=7, step="archive")
        assert isinstance(dossier.done(60)[1], routing.DossierProcessed)


class TestAnotherLead:
    def test_must_work_at_the_unit(self, dossier: Dossier) -> None:
        reason, detail = dossier.refused(REASSIGN.model_copy(update={"lead": "cb-x"}))
        assert reason == RefusalReason.NOT_COMPETENT
        assert "cb-x does not work at unit" in detail

    def test_leads_the_open_step_and_no_later_one(self, dossier: Dossier) -> None:
        unit = dossier.state.handling_unit
        assert unit is not None
        other = next(o for o in CATALOGUE.units[unit].officers if o != dossier.state.lead)
        (fact,) = dossier.told(REASSIGN.model_copy(update={"lead": other}), 1)
        assert isinstance(fact, routing.StepReassigned)
        assert (fact.step, fact.ordinal, fact.lead) == ("verify", 0, other)
        assert dossier.state.lead == other
        dossier.done(2, by=other)
        assert dossier.state.lead == lead_for(CATALOGUE.units[unit], CODE, "verify-dwelling")


class TestAHandOver:
    def test_moves_the_open_step_to_another_unit_with_a_lead_of_its_own(
        self, dossier: Dossier
    ) -> None:
        before = dossier.state.handling_unit
        (fact,) = dossier.told(HAND_OVER, 1)
        assert isinstance(fact, routing.DossierHandedOver)
        assert (fact.from_unit, fact.to_unit) == (before, OTHER)
        assert dossier.state.handling_unit == OTHER
        assert dossier.state.lead == fact.lead
        assert fact.lead == lead_for(CATALOGUE.units[OTHER], CODE, "verify")

    def test_is_followed_by_steps_at_the_new_unit(self, dossier: Dossier) -> None:
        dossier.told(HAND_OVER, 1)
        completed, started = dossier.done(2)
        assert (completed.unit, started.unit) == (OTHER, OTHER)  # type: ignore[attr-defined]
        assert dossier.state.lead == started.lead  # type: ignore[attr-defined]

    def test_to_a_unit_that_does_not_exist_is_refused(self, dossier: Dossier) -> None:
        request = HAND_OVER.model_copy(update={"to_unit": "H99"})
        assert dossier.refused(request)[0] == RefusalReason.UNKNOWN_UNIT

    def test_to_the_unit_that_has_it_is_refused(self, dossier: Dossier) -> None:
        request = HAND_OVER.model_copy(update={"to_unit": dossier.state.handling_unit})
        reason, detail = dossier.refused(request)
        assert reason == RefusalReason.WRONG_STATE
        assert "handles it already" in detail

    def test_by_hand_routes_at_last_what_nobody_was_competent_for(self) -> None:
        dossier = Dossier()
        dossier.told(RECEIVED.model_copy(update={"place": "99999"}))
        over, routed, started = dossier.told(HAND_OVER, 1)
        assert isinstance(over, routing.DossierHandedOver)
        assert isinstance(routed, routing.DossierRouted)
        assert isinstance(started, routing.StepStarted)
        assert over.from_unit is None
        assert (routed.handling_unit, routed.rule) == (OTHER, "by hand")
        assert dossier.state.handling_unit == OTHER
        assert dossier.state.lead == started.lead == over.lead
        assert len(dossier.done(2)) == 2

    def test_by_hand_of_a_procedure_that_does_not_exist_is_refused(self) -> None:
        dossier = Dossier()
        dossier.told(RECEIVED.model_copy(update={"procedure": "9.9"}))
        assert dossier.refused(HAND_OVER)[0] == RefusalReason.UNKNOWN_PROCEDURE

    def test_of_an_imported_dossier_between_two_steps_is_possible(self) -> None:
        dossier = imported(unit="H29.14")
        dossier.told(
            routing.StepCompleted(step="verify", ordinal=0, unit="H29.14", by="cb-1"),
            3,
            history=True,
        )
        (fact,) = dossier.told(HAND_OVER, 60)
        assert isinstance(fact, routing.DossierHandedOver)


class TestAStop:
    @pytest.mark.parametrize("so_far", OPEN)
    def test_is_possible_as_long_as_the_dossier_is_open(
        self, dossier: Dossier, so_far: Sequence[EventData]
    ) -> None:
        for data in so_far:
            dossier.told(data, 1)
        assert dossier.told(STOP, 2) == [routing.DossierStopped(reason="court", by="cb-1")]

    def test_ends_with_a_resumption(self, dossier: Dossier) -> None:
        dossier.told(STOP, 1)
        assert dossier.told(RESUME, 2, by="cb-1") == [
            routing.DossierResumed(reason="settled", by="cb-1")
        ]
        assert len(dossier.done(3)) == 2

    @pytest.mark.parametrize(
        "request_", [STOP, COMPLETE, REASSIGN, HAND_OVER, CONSULT], ids=lambda r: r.NAME
    )
    def test_lets_nothing_else_happen(self, dossier: Dossier, request_: EventData) -> None:
        dossier.told(STOP, 1)
        reason, detail = dossier.refused(request_)
        assert reason == RefusalReason.WRONG_STATE
        assert "the dossier is stopped" in detail


class TestAResult:
    def test_is_returned_by_whichever_unit(self, dossier: Dossier) -> None:
        for minute in (1, 2, 3):
            dossier.done(minute)
        (fact,) = dossier.told(RETURN, 4, by="cb-1")
        assert isinstance(fact, routing.ResultReturned)
        assert (fact.unit, fact.channel) == (OTHER, FilingChannel.COUNTER)
        assert dossier.state.returned_by_unit == OTHER

    def test_is_returned_but_once_even_if_that_is_entered_late(self, dossier: Dossier) -> None:
        for minute in (1, 2, 3):
            dossier.done(minute)
        dossier.told(RETURN, 9)
        reason, detail = dossier.refused(RETURN, minute=5)
        assert reason == RefusalReason.WRONG_STATE
        assert "returned already" in detail

    def test_is_returned_by_no_unit_that_does_not_exist(self, dossier: Dossier) -> None:
        for minute in (1, 2, 3):
            dossier.done(minute)
        request = RETURN.model_copy(update={"unit": "H99"})
        assert dossier.refused(request)[0] == RefusalReason.UNKNOWN_UNIT

    @pytest.mark.parametrize("request_", [RETURN, RESUME], ids=lambda r: r.NAME)
    def test_is_not_there_before_it_is_there(self, dossier: Dossier, request_: EventData) -> None:
        assert dossier.refused(request_)[0] == RefusalReason.WRONG_STATE


@pytest.mark.parametrize(
    "request_",
    [COMPLETE, REASSIGN, HAND_OVER, CONSULT, ANSWER, STOP, RESUME, RETURN],
    ids=lambda r: r.NAME,
)
def test_of_a_dossier_that_nobody_handed_in_nothing_can_be_asked(request_: EventData) -> None:
    reason, detail = Dossier().refused(request_)
    assert reason == RefusalReason.UNKNOWN_DOSSIER
    assert CODE in detail


def test_routing_decides_every_request_that_is_its_own_and_no_other() -> None:
    assert {r.OWNER for r in REQUESTS} == {"routing"}
    assert DECIDER.requests == types(*REQUESTS)


def test_routing_waits_for_nothing_while_no_unit_ends(dossier: Dossier) -> None:
    assert DECIDER.timer(WORLD, Routing()) is None
    assert DECIDER.timer(WORLD, dossier.state) is None
    assert DECIDER.woken(WORLD) is None


class TestTheView:
    def test_shows_who_has_it_and_what_comes_next(self, dossier: Dossier) -> None:
        dossier.done(1)
        shown = view(CODE, dossier.state)
        assert (shown["status_name"], shown["workflow"]) == ("in_process", "residence/1")
        assert (shown["open_step"], shown["next_steps"]) == ("verify-dwelling", ["update-register"])
        assert shown["lead"] == dossier.state.lead
        assert shown["unroutable"] is None

    def test_counts_what_comes_next_by_the_plan_and_not_by_what_was_told(self) -> None:
        shown = view(CODE, imported(unit=OTHER, ordinal=1, step="verify-dwelling").state)
        assert shown["next_steps"] == ["update-register"]

    def test_shows_what_others_were_asked_and_what_they_answered(self, dossier: Dossier) -> None:
        for minute, request in enumerate((CONSULT, ANSWER, CONSULT), 1):
            dossier.told(request, minute)
        done, still_open = view(CODE, dossier.state)["consultations"]
        assert done == {
            "unit": OTHER,
            "question": "is it safe?",
            "opened_at": START + timedelta(minutes=1),
            "opened_by": "cb-1",
            "answer": "it is",
            "answered_at": START + timedelta(minutes=2),
            "answered_by": "cb-1",
        }
        assert still_open["opened_at"] == START + timedelta(minutes=3)
        assert still_open["answered_at"] is None

    def test_says_why_a_dossier_has_nobody(self) -> None:
        dossier = Dossier()
        dossier.told(RECEIVED.model_copy(update={"place": "99999"}))
        shown = view(CODE, dossier.state)
        assert "99999" in str(shown["unroutable"])
        assert (shown["lead"], shown["workflow"], shown["next_steps"]) == (None, None, [])

    def test_of_nothing_is_empty(self) -> None:
        assert view(CODE, Routing())["status"] is None


def test_a_catalogue_that_lost_the_head_still_lets_the_lead_complete() -> None:
    units = {code: unit for code, unit in CATALOGUE.units.items() if code == OTHER}
    state = imported(unit="H29.14", ordinal=2, step="update-register").state
    assert state.lead is not None
    done = routing.StepCompletionRequested(step="update-register")
    asked = event(done, 60, by=state.lead)
    limit = entry_limit(WORLD, asked)
    said = decide(replace(CATALOGUE, units=units), limit, state, asked)
    assert isinstance(said[1], routing.DossierProcessed)


class TestWithinOneInstant:
    """Entered late, to the minute, several things may have happened at the same time."""

    def test_a_step_that_begins_after_a_hand_over_has_a_lead_of_its_own(
        self, dossier: Dossier
    ) -> None:
        dossier.told(HAND_OVER, 7)
        _, started = dossier.done(7)
        assert dossier.state.lead == started.lead  # type: ignore[attr-defined]

    def test_a_step_that_is_handed_over_as_it_begins_has_the_lead_of_the_new_unit(
        self, dossier: Dossier
    ) -> None:
        dossier.done(7)
        (over,) = dossier.told(HAND_OVER, 7)
        assert dossier.state.lead == over.lead  # type: ignore[attr-defined]

    def test_a_step_that_begins_after_another_got_a_new_lead_has_its_own(
        self, dossier: Dossier
    ) -> None:
        unit = dossier.state.handling_unit
        assert unit is not None
        officer = CATALOGUE.units[unit].officers[0]
        dossier.told(REASSIGN.model_copy(update={"lead": officer}), 7)
        _, started = dossier.done(7)
        assert dossier.state.lead == started.lead  # type: ignore[attr-defined]
