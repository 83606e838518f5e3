"""What a drawn plan looks like, whatever becomes of it."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, TypeVar

import pytest

from contracts.catalogue import Catalogue, Step, load_catalogue
from contracts.events import intake, routing, sla
from contracts.model import EventData
from contracts.values import Channel, Outcome, ServiceLevel
from contracts.wire.codec import encode
from contracts.wire.envelope import Event
from motcua.simulate import Fate, Plan, Simulation, odds
from services.intake.codes import VIETNAM, day_of
from services.sla.working_time import WORKING_DAY, Calendars

D = TypeVar("D", bound=EventData)
TODAY = date(2026, 3, 11)


def distinct(requests: Iterable[Event]) -> list[Event]:
    return list({event.id: event for event in requests}.values())


def by_dossier(requests: Iterable[Event]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = defaultdict(list)
    for event in distinct(requests):
        found[event.subject].append(event)
    return found


def of(kind: type[EventData], plan: Plan) -> list[Event]:
    return [event for event in distinct(plan.requests) if isinstance(event.data, kind)]


def said(kind: type[D], plan: Plan) -> list[tuple[Event, D]]:
    """The requests of that kind, each with what it says."""
    events = distinct(plan.requests)
    return [(event, event.data) for event in events if isinstance(event.data, kind)]


def filings(plan: Plan) -> list[intake.Filing]:
    return [filing for event in distinct(plan.requests) if (filing := filing_of(event))]


def near(count: int, of: int, share: float) -> bool:
    """Whether a count is within four standard deviations of what its share lets expect."""
    return abs(count - of * share) <= 4 * math.sqrt(of * share * (1 - share)) + 1


# -- the same again -------------------------------------------------------------------


def test_the_same_seed_gives_the_same_plan(draw: Callable[..., Plan]) -> None:
    settings = {"dossiers": 80, "carried_over": 80, "seed": 3}
    assert draw(**settings) == draw(**settings)


def test_another_seed_gives_another_plan(draw: Callable[..., Plan]) -> None:
    ids = [
        {e.id for e in draw(dossiers=50, carried_over=50, seed=seed).requests} for seed in (1, 2)
    ]
    assert not ids[0] & ids[1]


def test_the_plan_does_not_depend_on_how_python_hashes_strings() -> None:
    program = (
        "from hashlib import sha256\n"
        "from contracts.catalogue import load_catalogue\n"
        "from contracts.wire.codec import encode\n"
        "from motcua.simulate import Simulation, plan_city\n"
        "from services.sla.working_time import load_calendars\n"
        "plan = plan_city(Simulation(dossiers=60, carried_over=60),"
        " load_catalogue(), load_calendars())\n"
        "print(sha256(repr([encode(e) for e in plan.requests]).encode()).hexdigest())\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_a_dossier_of_the_day_is_the_same_however_many_come_after_it(
    draw: Callable[..., Plan],
) -> None:
    few, many = (draw(dossiers=n, duplicate_share=0).requests for n in (50, 100))
    citizens = {f.citizen for f in map(filing_of, few) if f}
    again = [f for f in map(filing_of, many) if f and f.citizen in citizens]
    assert sorted((f for f in map(filing_of, few) if f), key=str) == sorted(again, key=str)


def filing_of(event: Event) -> intake.Filing | None:
    if isinstance(event.data, intake.RegistrationRequested):
        return event.data
    return event.data.filing if isinstance(event.data, intake.ReceptionRequested) else None


# -- order, gaps, codes ---------------------------------------------------------------


def test_requests_are_in_order_of_time_and_code(plan: Plan) -> None:
    once = distinct(plan.requests)
    assert once == sorted(once, key=lambda e: (e.time, e.subject))


def test_requests_lie_between_the_beginning_and_the_end(plan: Plan) -> None:
    assert all(plan.begins <= e.time < plan.ends for e in plan.requests)
    assert plan.ends.astimezone(VIETNAM).isoformat() == "2026-03-12T00:00:00+07:00"


def test_every_request_can_be_written_to_the_log(plan: Plan) -> None:
    assert all(encode(event) for event in plan.requests)


def test_requests_of_one_dossier_keep_their_distance(plan: Plan) -> None:
    for requests in by_dossier(plan.requests).values():
        for one, next_ in pairwise(requests):
            early = one.time.astimezone(VIETNAM).date() < TODAY
            assert next_.time - one.time >= timedelta(minutes=120 if early else 15)


def test_the_distance_is_configured(draw: Callable[..., Plan]) -> None:
    plan = draw(dossiers=200, carried_over=0, min_gap_minutes=45)
    gaps = [
        next_.time - one.time
        for requests in by_dossier(plan.requests).values()
        for one, next_ in pairwise(requests)
    ]
    assert min(gaps) >= timedelta(minutes=45)


def test_officers_act_in_office_hours_and_keep_their_distance_in_them(
    plan: Plan, catalogue: Catalogue, calendars: Calendars
) -> None:
    office = calendars.for_unit("H29.1")  # the one with the longest hours
    for requests in by_dossier(plan.requests).values():
        for one, next_ in pairwise(requests):
            if hasattr(next_.data, "by"):
                early = one.time.astimezone(VIETNAM).date() < TODAY
                assert office.measure(one.time, next_.time) >= 60 * (120 if early else 15)
                assert office.measure(next_.time - timedelta(seconds=1), next_.time) == 1


def test_codes_are_numbered_by_agency_and_day_in_order_of_time_without_gaps(plan: Plan) -> None:
    numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
    for code, requests in by_dossier(plan.requests).items():
        agency, day, number = code.split("-")
        filing = filing_of(requests[0])
        assert filing is not None
        assert (agency, day) == (filing.receiving_unit, day_of(requests[0].time))
        numbers[agency, day].append(int(number))
    for given in numbers.values():
        assert given == list(range(1, len(given) + 1))
    assert plan.counters == {key: max(given) for key, given in numbers.items()}


def test_as_many_come_in_on_the_day_and_before_it_as_were_asked_for(plan: Plan) -> None:
    days = Counter(code.split("-")[1] == "260311" for code in by_dossier(plan.requests))
    assert days == {True: 1_000, False: 2_000}


def test_days_off_are_no_working_days_before(plan: Plan, calendars: Calendars) -> None:
    # Tết 2026 lies among them: fifteen working days go back to 11 February.
    assert plan.begins.astimezone(VIETNAM).date() == date(2026, 2, 11)
    worked = calendars.for_unit("H29.101").measure(plan.begins, plan.ends - timedelta(days=1))
    assert worked == 15 * 8 * 3600


def test_a_day_on_which_nothing_is_open_is_refused(draw: Callable[..., Plan]) -> None:
    with pytest.raises(ValueError, match="is no working day"):
        draw(day=date(2026, 3, 8), dossiers=50)


@pytest.mark.parametrize(
    "settings",
    [
        {"dossiers": -1},
        {"dossiers": 1, "late_share": 1.5},
        {"dossiers": 1, "seed": 1, "min_gap_minutes": -1},
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"below 0|from 0 to 1"):
        Simulation(**settings)


def test_a_city_without_dossiers_is_asked_nothing(draw: Callable[..., Plan]) -> None:
    plan = draw(dossiers=0)
    assert plan.requests == []
    assert plan.counters == {}


# -- when and what --------------------------------------------------------------------


def test_dossiers_rush_in_when_the_doors_open(
    draw: Callable[..., Plan], calendars: Calendars
) -> None:
    plan = draw(dossiers=3_000, duplicate_share=0)
    calendar = calendars.for_unit("H29.101")
    first = [requests[0].time for requests in by_dossier(plan.requests).values()]
    opening = sum(
        0 < calendar.measure(plan.begins, t) <= odds.BURST_SECONDS
        and calendar.measure(t - timedelta(seconds=1), t) == 1
        for t in first
    )
    mean = len(first) / 480
    assert 14 <= opening / (odds.BURST_SECONDS / 60) / mean <= 24


def test_some_file_online_at_night_and_at_weekends_and_nobody_at_a_counter_then(
    plan: Plan, calendars: Calendars
) -> None:
    office = calendars.for_unit("H29.1")
    closed = [
        requests[0]
        for requests in by_dossier(plan.requests).values()
        if not office.measure(requests[0].time - timedelta(seconds=1), requests[0].time)
    ]
    assert all(isinstance(e.data, intake.RegistrationRequested) for e in closed)
    local = [e.time.astimezone(VIETNAM) for e in closed]
    assert any(t.weekday() == 6 for t in local)
    assert any(t.hour >= 20 for t in local)


def test_procedures_are_offered_by_the_channel_that_is_taken(
    plan: Plan, catalogue: Catalogue
) -> None:
    for filing in filings(plan):
        procedure = catalogue.procedures[filing.procedure]
        assert filing.channel in procedure.channels
        assert filing.level is procedure.level
        assert procedure.code != "TP.001"
        if procedure.level is ServiceLevel.INFORMATION:
            assert filing.channel is Channel.COUNTER


def test_short_matters_of_the_ward_dominate_and_all_procedures_occur(
    plan: Plan, catalogue: Catalogue
) -> None:
    drawn = Counter(f.procedure for f in filings(plan))
    fields = Counter(catalogue.procedures[f.procedure].field for f in filings(plan))
    assert (fields["certification"] + fields["civil-status"]) / drawn.total() > 0.5
    assert len(drawn) >= len(catalogue.procedures) - 3


def test_most_go_to_their_own_ward_and_some_anywhere(plan: Plan, catalogue: Catalogue) -> None:
    own = [
        f.place in catalogue.units[f.receiving_unit].places
        and catalogue.units[f.receiving_unit].kind == "ward"
        for f in filings(plan)
    ]
    centre = sum(f.receiving_unit == "H29.1" for f in filings(plan))
    assert 0.56 <= sum(own) / len(own) <= 0.68  # the competent unit is often the own ward
    assert near(centre, len(own), odds.SERVICE_CENTRE)
    elsewhere = sum(f.receiving_unit != f.returning_unit for f in filings(plan))
    assert 0.4 <= elsewhere / len(own) <= 0.7


# -- shares ---------------------------------------------------------------------------


def test_duplicates_are_the_very_same_event_told_again_soon_after(plan: Plan) -> None:
    places: dict[str, list[int]] = defaultdict(list)
    for place, event in enumerate(plan.requests):
        places[event.id].append(place)
    again = [found for found in places.values() if len(found) > 1]
    assert all(len(found) == 2 for found in again)
    # Other duplicates may stand between, hence a little more than the most.
    assert all(1 <= b - a <= odds.DUPLICATE_WITHIN * 1.2 for a, b in again)
    assert sum(b - a == 1 for a, b in again) > len(again) / 3
    assert all(plan.requests[a] is plan.requests[b] for a, b in again)
    assert near(len(again), len(places), 0.01)


def test_without_a_share_of_duplicates_there_are_none(draw: Callable[..., Plan]) -> None:
    requests = draw(dossiers=300, duplicate_share=0).requests
    assert len({e.id for e in requests}) == len(requests)


def test_rejections_and_denials_are_as_rare_as_they_are_meant_to_be(
    plan: Plan, catalogue: Catalogue
) -> None:
    lives = by_dossier(plan.requests).values()
    looked_at = [
        life[1].data
        for life in lives
        if isinstance(life[0].data, intake.RegistrationRequested) and len(life) > 1
    ]
    rejected = sum(isinstance(data, intake.RejectionRequested) for data in looked_at)
    assert near(rejected, len(looked_at), odds.NOT_RECEIVED)
    done = of(routing.ResultReturnRequested, plan)
    denied = {
        e.subject
        for e, data in said(routing.StepCompletionRequested, plan)
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
    draw: Callable[..., Plan], kind: type[EventData], share: float
) -> None:
    # Of those that came in a while ago: the plan's end cuts off what would come later. Where
    # the gaps leave no room in a short budget, a little less happens than is drawn.
    plan = draw(carried_over=3_000, dossiers=0, seed=11, min_gap_minutes_before=15)
    happened = len({e.subject for e in of(kind, plan)})
    assert 0.5 * 3_000 * share <= happened <= 3_000 * share + 4 * (3_000 * share) ** 0.5


def test_another_unit_is_asked_about_some_dossiers_of_many_steps(
    draw: Callable[..., Plan], catalogue: Catalogue
) -> None:
    plan = draw(carried_over=3_000, dossiers=0, seed=11, min_gap_minutes_before=15)
    filed = {e.subject: f for e in plan.requests if (f := filing_of(e))}
    long = {code for code, f in filed.items() if len(steps_of(f, catalogue)) > 2}
    asked = said(routing.ConsultationOpeningRequested, plan)
    assert {e.subject for e, _ in asked} <= long
    # Not all of them are received, and the plan's end cuts off what would come later.
    assert 0.5 * len(long) * odds.CONSULTED <= len(asked)
    assert len(asked) <= len(long) * odds.CONSULTED + 4 * (len(long) * odds.CONSULTED) ** 0.5
    assert {data.budget is None for _, data in asked} == {True, False}


def test_most_of_those_who_are_asked_answer_and_take_their_time(
    draw: Callable[..., Plan], catalogue: Catalogue, calendars: Calendars
) -> None:
    plan = draw(carried_over=3_000, dossiers=0, seed=11)
    asked = {e.subject: (e, data) for e, data in said(routing.ConsultationOpeningRequested, plan)}
    answers = said(routing.ConsultationAnswerRequested, plan)
    waited = 0
    for answer, data in answers:
        question, wanted = asked[answer.subject]
        assert data.unit == wanted.unit
        assert data.by in catalogue.units[data.unit].officers
        calendar = calendars.for_unit(data.unit)
        waited += calendar.measure(question.time, answer.time)
    assert 0.5 * len(asked) < len(answers) < len(asked)
    assert WORKING_DAY / 2 < waited / len(answers) < 5 * WORKING_DAY


def steps_of(filing: intake.Filing, catalogue: Catalogue) -> tuple[Step, ...]:
    return catalogue.workflow(catalogue.procedures[filing.procedure].workflow).steps


def test_late_dossiers_are_as_many_as_asked_for(plan: Plan) -> None:
    received = len({e.subject for e in of(intake.ReceptionRequested, plan)})
    assert near(len(plan.late), received, 0.02)


def test_most_who_miss_their_first_date_get_a_letter(draw: Callable[..., Plan]) -> None:
    fates = Counter(draw(dossiers=0, carried_over=3_000, late_share=0.2).fates.values())
    late = sum(number for fate, number in fates.items() if fate.late)
    untold = fates[Fate.UNTOLD] + fates[Fate.EXEMPT]
    assert near(fates.total() - untold, fates.total(), 0.85)
    assert near(fates[Fate.EXTENDED], fates.total(), 0.5)
    assert near(fates[Fate.EXEMPT], late, 0.03)


def test_letters_are_signed_by_the_head_but_for_some_that_are_to_be_refused(
    draw: Callable[..., Plan], catalogue: Catalogue
) -> None:
    plan = draw(dossiers=0, carried_over=3_000, seed=4, late_share=0.2)
    heads = {unit.head for unit in catalogue.units.values()}
    letters = said(sla.ApologyRequested, plan)
    assert {e.id for e, data in letters if data.by not in heads} < plan.to_be_refused
    assert all(data.by in heads for _, data in said(sla.ExemptionRequested, plan))
    refused = sum(e.id in plan.to_be_refused for e, _ in letters)
    assert 0 < refused < 0.1 * len(letters)


def test_letters_give_many_reasons(draw: Callable[..., Plan]) -> None:
    plan = draw(dossiers=0, carried_over=3_000, seed=4, late_share=0.2)
    assert len({data.reason for _, data in said(sla.ApologyRequested, plan)}) > 15


def test_nobody_is_late_where_no_share_is(draw: Callable[..., Plan]) -> None:
    plan = draw(dossiers=300, late_share=0)
    assert plan.fates == {}
    assert not of(sla.ApologyRequested, plan)
    assert not of(sla.ExemptionRequested, plan)


def test_all_may_be_late(draw: Callable[..., Plan]) -> None:
    plan = draw(dossiers=300, late_share=1)
    assert plan.late == {e.subject for e in of(intake.ReceptionRequested, plan)}


def test_a_few_are_sent_back_for_a_supplement_twice(draw: Callable[..., Plan]) -> None:
    plan = draw(carried_over=3_000, dossiers=0, seed=11, min_gap_minutes_before=15)
    demands = Counter(e.subject for e in of(intake.SupplementDemandRequested, plan))
    again = sum(number == 2 for number in demands.values())
    assert max(demands.values()) == 2
    # Some never bring the first one, and the plan's end cuts off what would come later.
    most = len(demands) * odds.SUPPLEMENT_AGAIN
    assert 0 < again <= most + 4 * most**0.5


def test_payments_add_up_to_what_was_demanded(plan: Plan, draw: Callable[..., Plan]) -> None:
    plan = draw(carried_over=3_000, dossiers=0, seed=5)
    demanded = {e.subject: data.amount for e, data in said(intake.PaymentDemandRequested, plan)}
    paid: dict[str, list[int]] = defaultdict(list)
    for event, data in said(intake.PaymentReportRequested, plan):
        if event.id not in plan.to_be_refused:
            paid[event.subject].append(data.amount)
    assert set(paid) <= set(demanded)
    assert all(sum(parts) <= demanded[code] for code, parts in paid.items())
    settled = [parts for code, parts in paid.items() if sum(parts) == demanded[code]]
    assert len(settled) > 0.6 * len(demanded)
    assert {len(parts) for parts in settled} == {1, 2}


def test_nothing_is_said_while_the_citizen_is_waited_for(plan: Plan) -> None:
    pauses: dict[type[EventData], type[EventData]] = {
        intake.SupplementDemandRequested: intake.SupplementDeliveryRequested,
        intake.PaymentDemandRequested: intake.PaymentReportRequested,
        routing.StopRequested: routing.ResumptionRequested,
    }
    for requests in by_dossier(plan.requests).values():
        for one, next_ in pairwise(requests):
            if type(one.data) in pauses:
                assert isinstance(next_.data, pauses[type(one.data)])


# -- contacts -------------------------------------------------------------------------


def citizens(plan: Plan) -> dict[str, datetime]:
    """When each of them files."""
    return {f.citizen: e.time for e in plan.requests if (f := filing_of(e))}


def test_most_citizens_leave_an_address_and_a_number(draw: Callable[..., Plan]) -> None:
    plan = draw(dossiers=500, contacts=True)
    filed = citizens(plan)
    found = [planned.contact for planned in plan.contacts if planned.citizen in filed]
    assert near(sum(c.email is not None for c in found), 500, odds.HAS_EMAIL)
    assert near(sum(c.phone is not None for c in found), 500, odds.HAS_PHONE)
    assert [p.time for p in plan.contacts] == sorted(p.time for p in plan.contacts)


def test_a_contact_is_known_when_its_citizen_files(draw: Callable[..., Plan]) -> None:
    plan = draw(dossiers=200, contacts=True)
    filed = citizens(plan)
    known = {p.citizen: p.time for p in plan.contacts if p.citizen in filed}
    assert known == {citizen: filed[citizen] for citizen in known} != {}


def test_every_officer_and_head_can_be_written_to_from_the_beginning(
    draw: Callable[..., Plan],
) -> None:
    plan = draw(dossiers=1, contacts=True)
    filed = citizens(plan)
    officers = {p.citizen for p in plan.contacts if p.citizen not in filed}
    units = load_catalogue().units.values()
    assert officers == {o for u in units for o in (u.head, *u.officers)}
    assert {p.time for p in plan.contacts if p.citizen in officers} == {plan.begins}


def test_without_being_asked_for_there_are_no_contacts_and_the_requests_are_the_same(
    draw: Callable[..., Plan],
) -> None:
    without, with_ = draw(dossiers=100), draw(dossiers=100, contacts=True)
    assert without.contacts == []
    assert without.requests == with_.requests
