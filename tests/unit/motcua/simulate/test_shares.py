"""How often what is rare happens in a plan: as often as it is meant to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

import pytest

from contracts.catalogue import Catalogue, Step
from contracts.events import intake, routing, sla
from contracts.model import EventData
from contracts.values import Outcome
from contracts.wire.envelope import Event
from motcua.simulate import Fate, SimulatedDay, odds
from services.shared.working_time import WORKING_DAY, Calendars
from tests.support.simulated import by_dossier, distinct, filing_of, near, of

D = TypeVar("D", bound=EventData)


def said(kind: type[D], simulated: SimulatedDay) -> list[tuple[Event, D]]:
    """The requests of that kind, each with what it says."""
    events = distinct(simulated.requests)
    return [(event, event.data) for event in events if isinstance(event.data, kind)]


def test_duplicates_are_the_very_same_event_told_again_soon_after(simulated: SimulatedDay) -> None:
    places: dict[str, list[int]] = defaultdict(list)
    for place, event in enumerate(simulated.requests):
        places[event.id].append(place)
    again = [found for found in places.values() if len(found) > 1]
    assert all(len(found) == 2 for found in again)
    # Other duplicates may stand between, hence a little more than the most.
    assert all(1 <= b - a <= odds.DUPLICATE_WITHIN * 1.2 for a, b in again)
    assert sum(b - a == 1 for a, b in again) > len(again) / 3
    assert all(simulated.requests[a] is simulated.requests[b] for a, b in again)
    assert near(len(again), len(places), 0.01)


def test_without_a_share_of_duplicates_there_are_none(draw: Callable[..., SimulatedDay]) -> None:
    requests = draw(dossiers=300, duplicate_share=0).requests
    assert len({e.id for e in requests}) == len(requests)


def test_rejections_and_denials_are_as_rare_as_they_are_meant_to_be(
    simulated: SimulatedDay, catalogue: Catalogue
) -> None:
    lives = by_dossier(simulated.requests).values()
    looked_at = [
        life[1].data
        for life in lives
        if isinstance(life[0].data, intake.RegistrationRequested) and len(life) > 1
    ]
    rejected = sum(isinstance(data, intake.RejectionRequested) for data in looked_at)
    assert near(rejected, len(looked_at), odds.NOT_RECEIVED)
    done = of(routing.ResultReturnRequested, simulated)
    denied = {
        e.subject
        for e, data in said(routing.StepCompletionRequested, simulated)
        if data.outcome is Outcome.DENIED
    }
    assert near(sum(e.subject in denied for e in done), len(done), odds.DENIED)


@pytest.mark.parametrize(
    ("kind", "share"),
    [
        (intake.SupplementDemandRequested, odds.SUPPLEMENT),
        (intake.WithdrawalRequested, odds.WITHDRAWN),
        (routing.StopRequested, odds.STOPPED),
        (routing.HandOverRequested, odds.HANDED_OVER),
        (routing.StepReassignmentRequested, odds.REASSIGNED),
    ],
)
def test_what_rarely_happens_happens_as_often_as_drawn(
    draw: Callable[..., SimulatedDay], kind: type[EventData], share: float
) -> None:
    # Of those that came in a while ago: the plan's end cuts off what would come later. Where
    # the gaps leave no room in a short budget, a little less happens than is drawn.
    simulated = draw(carried_over=3_000, dossiers=0, seed=11, min_gap_minutes_before=15)
    happened = len({e.subject for e in of(kind, simulated)})
    assert 0.5 * 3_000 * share <= happened <= 3_000 * share + 4 * (3_000 * share) ** 0.5


def test_another_unit_is_asked_about_some_dossiers_of_many_steps(
    draw: Callable[..., SimulatedDay], catalogue: Catalogue
) -> None:
    simulated = draw(carried_over=3_000, dossiers=0, seed=11, min_gap_minutes_before=15)
    filed = {e.subject: f for e in simulated.requests if (f := filing_of(e))}
    long = {code for code, f in filed.items() if len(steps_of(f, catalogue)) > 2}
    asked = said(routing.ConsultationOpeningRequested, simulated)
    assert {e.subject for e, _ in asked} <= long
    # Not all of them are received, and the plan's end cuts off what would come later.
    assert 0.5 * len(long) * odds.CONSULTED <= len(asked)
    assert len(asked) <= len(long) * odds.CONSULTED + 4 * (len(long) * odds.CONSULTED) ** 0.5
    assert {data.budget is None for _, data in asked} == {True, False}


def test_most_of_those_who_are_asked_answer_and_take_their_time(
    draw: Callable[..., SimulatedDay], catalogue: Catalogue, calendars: Calendars
) -> None:
    simulated = draw(carried_over=3_000, dossiers=0, seed=11)
    asked = {
        e.subject: (e, data) for e, data in said(routing.ConsultationOpeningRequested, simulated)
    }
    answers = said(routing.ConsultationAnswerRequested, simulated)
    waited = 0
    for answer, data in answers:
        question, wanted = asked[answer.subject]
        assert data.unit == wanted.unit
        assert by(answer) in catalogue.units[data.unit].officers
        calendar = calendars.for_unit(data.unit)
        waited += calendar.measure(question.time, answer.time)
    assert 0.5 * len(asked) < len(answers) < len(asked)
    assert WORKING_DAY / 2 < waited / len(answers) < 5 * WORKING_DAY


def by(request: Event) -> str | None:
    assert request.actor is not None
    return request.actor.authid


def steps_of(filing: intake.FilingForm, catalogue: Catalogue) -> tuple[Step, ...]:
    return catalogue.workflow(catalogue.procedures[filing.procedure].workflow).steps


def test_late_dossiers_are_as_many_as_asked_for(simulated: SimulatedDay) -> None:
    received = len({e.subject for e in of(intake.ReceptionRequested, simulated)})
    assert near(len(simulated.late), received, 0.02)


def test_most_who_miss_their_first_date_get_a_letter(draw: Callable[..., SimulatedDay]) -> None:
    fates = Counter(draw(dossiers=0, carried_over=3_000, late_share=0.2).fates.values())
    late = sum(number for fate, number in fates.items() if fate.late)
    untold = fates[Fate.UNTOLD] + fates[Fate.EXEMPT]
    assert near(fates.total() - untold, fates.total(), 0.85)
    assert near(fates[Fate.EXTENDED], fates.total(), 0.5)
    assert near(fates[Fate.EXEMPT], late, 0.03)


def test_letters_are_signed_by_the_head_but_for_some_that_are_to_be_refused(
    draw: Callable[..., SimulatedDay], catalogue: Catalogue
) -> None:
    simulated = draw(dossiers=0, carried_over=3_000, seed=4, late_share=0.2)
    heads = {unit.head for unit in catalogue.units.values()}
    letters = said(sla.ApologyRequested, simulated)
    assert {e.id for e, _ in letters if by(e) not in heads} < simulated.to_be_refused
    assert all(by(e) in heads for e, _ in said(sla.ExemptionRequested, simulated))
    refused = sum(e.id in simulated.to_be_refused for e, _ in letters)
    assert 0 < refused < 0.1 * len(letters)


def test_letters_give_many_reasons(draw: Callable[..., SimulatedDay]) -> None:
    simulated = draw(dossiers=0, carried_over=3_000, seed=4, late_share=0.2)
    assert len({data.reason for _, data in said(sla.ApologyRequested, simulated)}) > 15


def test_nobody_is_late_where_no_share_is(draw: Callable[..., SimulatedDay]) -> None:
    simulated = draw(dossiers=300, late_share=0)
    assert simulated.fates == {}
    assert not of(sla.ApologyRequested, simulated)
    assert not of(sla.ExemptionRequested, simulated)


def test_all_may_be_late(draw: Callable[..., SimulatedDay]) -> None:
    simulated = draw(dossiers=300, late_share=1)
    assert simulated.late == {e.subject for e in of(intake.ReceptionRequested, simulated)}


def test_a_few_are_sent_back_for_a_supplement_twice(draw: Callable[..., SimulatedDay]) -> None:
    simulated = draw(carried_over=3_000, dossiers=0, seed=11, min_gap_minutes_before=15)
    demands = Counter(e.subject for e in of(intake.SupplementDemandRequested, simulated))
    again = sum(number == 2 for number in demands.values())
    assert max(demands.values()) == 2
    # Some never bring the first one, and the plan's end cuts off what would come later.
    most = len(demands) * odds.SUPPLEMENT_AGAIN
    assert 0 < again <= most + 4 * most**0.5


def test_payments_add_up_to_what_was_demanded(
    simulated: SimulatedDay, draw: Callable[..., SimulatedDay]
) -> None:
    simulated = draw(carried_over=3_000, dossiers=0, seed=5)
    demanded = {
        e.subject: data.amount for e, data in said(intake.PaymentDemandRequested, simulated)
    }
    paid: dict[str, list[int]] = defaultdict(list)
    for event, data in said(intake.PaymentReportRequested, simulated):
        if event.id not in simulated.to_be_refused:
            paid[event.subject].append(data.amount)
    assert set(paid) <= set(demanded)
    assert all(sum(parts) <= demanded[code] for code, parts in paid.items())
    settled = [parts for code, parts in paid.items() if sum(parts) == demanded[code]]
    assert len(settled) > 0.6 * len(demanded)
    assert {len(parts) for parts in settled} == {1, 2}


def test_nothing_is_said_while_the_citizen_is_waited_for(simulated: SimulatedDay) -> None:
    pauses: dict[type[EventData], type[EventData]] = {
        intake.SupplementDemandRequested: intake.SupplementDeliveryRequested,
        intake.PaymentDemandRequested: intake.PaymentReportRequested,
        routing.StopRequested: routing.ResumptionRequested,
    }
    for requests in by_dossier(simulated.requests).values():
        for one, next_ in pairwise(requests):
            if type(one.data) in pauses:
                assert isinstance(next_.data, pauses[type(one.data)])
