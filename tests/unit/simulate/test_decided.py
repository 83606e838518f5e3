"""What the services themselves make of a plan: nothing is refused that was not meant to be."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from contracts import intake, refusals, routing
from contracts.catalogue import Catalogue
from contracts.envelope import Event, short_id
from contracts.lifecycle import CLOCK_STOPPED, PublicStatus, phases
from contracts.refusals import Refusal, RefusalReason
from motcua.simulate import Plan
from services.intake.decider import IntakeDecider
from services.routing.decider import RoutingDecider
from services.runtime.handle import handle
from services.runtime.stored import Stored
from services.sla.assess import assess
from services.sla.rules import Rules
from services.sla.state import Assessment, Handler, Sla
from services.sla.working_time import Calendars


@dataclass
class Decided:
    """All that intake and routing know and said after a plan was told."""

    intake: dict[str, Any] = field(default_factory=dict)
    routing: dict[str, Any] = field(default_factory=dict)
    facts: list[Event] = field(default_factory=list)

    def of(self, *kinds: type) -> list[Event]:
        return [fact for fact in self.facts if isinstance(fact.data, kinds)]


def decide(plan: Plan, catalogue: Catalogue) -> Decided:
    """Tells each request to its owner, and each fact that follows to all, in causal order."""
    found = Decided()
    services: list[tuple[Any, dict[str, Any]]] = [
        (IntakeDecider(catalogue), found.intake),
        (RoutingDecider(catalogue), found.routing),
    ]
    for request in plan.requests:
        waiting = deque([request])
        while waiting:
            event = waiting.popleft()
            for decider, known in services:
                if event.type not in decider.requests | decider.facts:
                    continue
                subject = event.subject
                if subject not in known:
                    known[subject] = Stored(subject, 0, decider.initial(subject))
                if known[subject].knows(short_id(event.id)):
                    continue
                facts = handle(decider, known[subject], event)
                found.facts += facts
                waiting += facts
    return found


@pytest.fixture(scope="module")
def decided(plan: Plan, catalogue: Catalogue) -> Decided:
    return decide(plan, catalogue)


def assessed(code: str, decided: Decided, catalogue: Catalogue, calendars: Calendars) -> Assessment:
    known = decided.routing[code].state
    hand_overs = [Handler(over.at, over.id, over.to_unit) for over in known.hand_overs]
    seen = Sla(
        marks=known.marks,
        span=known.span,
        procedure=known.procedure,
        receiving_unit=known.routed_unit or known.handling_unit,
        handlers=tuple(hand_overs),
    )
    found = assess(seen, Rules(catalogue, calendars).terms(known.procedure, None))
    assert found is not None
    return found


def missed(now: Assessment, ends: datetime) -> bool:
    return now.breach_certain or (now.breach_at is not None and now.breach_at < ends)


def test_only_what_was_meant_to_be_refused_is_refused(plan, decided):
    refused = {fact.cause for fact in decided.of(Refusal)}
    assert refused == plan.to_be_refused


def test_that_much_is_refused_for_each_of_the_reasons_there_are(draw, catalogue):
    plan = draw(carried_over=3_000, dossiers=0, seed=22)
    decided = decide(plan, catalogue)
    refused = Counter(type(fact.data) for fact in decided.of(Refusal))
    assert set(refused) == {
        refusals.StepCompletionRefused,
        refusals.SupplementDeliveryRefused,
        refusals.PaymentReportRefused,
    }
    assert refused.total() == len(plan.to_be_refused)
    assert {fact.data.reason for fact in decided.of(Refusal)} == {
        RefusalReason.WRONG_STEP,
        RefusalReason.WRONG_STATE,
        RefusalReason.NOTHING_OUTSTANDING,
        RefusalReason.OVERPAID,
    }


def test_every_request_is_answered_once(plan, decided):
    answered = {fact.cause for fact in decided.facts}
    assert {request.id for request in plan.requests} <= answered


def test_every_received_dossier_is_routed(decided):
    received = {fact.subject for fact in decided.of(intake.DossierReceived)}
    assert received == {fact.subject for fact in decided.of(routing.DossierRouted)}
    assert not decided.of(routing.DossierUnroutable)


def test_intake_and_routing_agree_on_every_dossiers_state(decided):
    for code, known in decided.routing.items():
        if known.state.procedure is not None:
            assert known.state.status is decided.intake[code].state.status


def test_every_public_state_is_reached(decided):
    reached = {p.status for known in decided.intake.values() for p in phases(known.state.marks)}
    assert reached == set(PublicStatus)


def test_at_the_end_of_the_day_most_are_done_and_few_stand_still(decided):
    states = Counter(known.state.status for known in decided.intake.values())
    total = states.total()
    assert total == 3_000
    assert states[PublicStatus.RETURNED] > 0.4 * total
    assert states[PublicStatus.RETURNED] + states[PublicStatus.PROCESSED] > 0.5 * total
    assert 0.05 * total < states[PublicStatus.IN_PROCESS] < 0.4 * total
    assert 0 < sum(states[status] for status in CLOCK_STOPPED) < 0.08 * total
    assert 0 < states[PublicStatus.REGISTERED] < 0.1 * total


def test_the_late_ones_are_those_that_were_meant_to_be_late(plan, decided, catalogue, calendars):
    late = {
        code
        for code, known in decided.routing.items()
        if known.state.procedure is not None
        and missed(assessed(code, decided, catalogue, calendars), plan.ends)
    }
    assert late
    assert late <= plan.late
    for code in plan.late - late:
        # Those are due only after the plan's end.
        due = assessed(code, decided, catalogue, calendars).due
        assert due is not None
        assert due >= plan.ends


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("gap", [1, 15, 120])
def test_no_other_seed_and_gap_brings_a_refusal_or_a_delay_by_accident(
    seed, gap, draw, catalogue, calendars
):
    plan = draw(
        carried_over=250,
        dossiers=100,
        seed=seed,
        late_share=0,
        min_gap_minutes=min(gap, 15),
        min_gap_minutes_before=gap,
    )
    decided = decide(plan, catalogue)
    assert {fact.cause for fact in decided.of(Refusal)} == plan.to_be_refused
    for code, known in decided.routing.items():
        if known.state.procedure is not None:
            assert not missed(assessed(code, decided, catalogue, calendars), plan.ends)


def test_a_city_in_which_everything_goes_wrong_is_as_consistent(
    draw, catalogue, calendars, monkeypatch
):
    for name in ("SUPPLEMENT", "REASSIGNED", "HANDED_OVER", "TO_BE_REFUSED", "PAYMENT_ELSEWHERE"):
        monkeypatch.setattr(f"motcua.simulate.odds.{name}", 0.5)
    for name in ("PAID_TOO_MUCH", "CONSULTED"):
        monkeypatch.setattr(f"motcua.simulate.odds.{name}", 0.5)
    plan = draw(carried_over=400, dossiers=100, late_share=0)
    decided = decide(plan, catalogue)
    assert {fact.cause for fact in decided.of(Refusal)} == plan.to_be_refused
    for code, known in decided.routing.items():
        if known.state.procedure is not None:
            assert not missed(assessed(code, decided, catalogue, calendars), plan.ends)
