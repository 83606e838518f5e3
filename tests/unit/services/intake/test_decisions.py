"""What intake decides: each request becomes its facts, or one refusal that says why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.catalogue import load_catalogue
from contracts.events import intake
from contracts.events.refusals import Refusal, RefusalReason
from contracts.events.sla import Budget, CalendarDaysEnd, TimeUnit
from contracts.model import EventData
from contracts.wire.codec import types
from contracts.wire.envelope import Event
from services.intake.decider import IntakeDecider
from services.intake.decisions import REQUESTS
from services.intake.state import Intake
from tests.support.event import acting
from tests.support.facts import (
    DELIVERED,
    DEMANDED,
    OWED,
    PAID,
    PROCESSED,
    STOPPED,
    WITHDRAWN,
    filing,
    not_received,
)
from tests.support.rule_sets import WORLD, timed, world

CATALOGUE = load_catalogue()
DECIDER = IntakeDecider()
CODE = "H29.15-240307-0001"
START = datetime(2024, 3, 7, 1, 0, tzinfo=UTC)
ONLINE = intake.FilingForm(
    **filing(
        channel="online",
        returning_unit="H29.14",
        documents=("a form",),
        level="full",
        fee=15_000,
        legacy_id="old-7",
    )
)
RECEPTION = intake.ReceptionRequested(filing=ONLINE)

REGISTERED = intake.DossierRegistered(**ONLINE.model_dump())
RECEIVED = intake.DossierReceived(
    **ONLINE.model_dump(),
    by="cb-1",
    promise=CATALOGUE.promise(CATALOGUE.procedures[ONLINE.procedure]),
)
NOT_RECEIVED = not_received(reason="no")


def event(data: EventData, minute: int, by: str = "cb-1") -> Event:
    time = START + timedelta(minutes=minute)
    return Event(f"e-{minute}", "/test", CODE, time, data, actor=acting(by))


def after(*facts: EventData) -> Intake:
    """A dossier to which these facts happened, one a minute."""
    state = DECIDER.initial(CODE)
    for minute, data in enumerate(facts):
        state = DECIDER.evolve(WORLD, state, event(data, minute))
    return state


def decided(state: Intake, request: EventData, minute: int = 60, *, by: str = "cb-1") -> EventData:
    (fact,) = DECIDER.decide(WORLD, state, event(request, minute, by))
    return fact


def refused(
    state: Intake, request: EventData, minute: int = 60, *, by: str = "cb-1"
) -> tuple[str, str]:
    fact = decided(state, request, minute, by=by)
    assert isinstance(fact, Refusal)
    assert request.NAME.replace("Requested", "Refused") == fact.NAME
    return fact.reason, fact.detail


class TestRegistration:
    def test_of_what_a_citizen_files_online_is_a_fact_with_all_that_was_filed(self) -> None:
        request = intake.RegistrationRequested(**ONLINE.model_dump())
        assert decided(after(), request) == REGISTERED

    def test_is_refused_if_the_code_is_taken(self) -> None:
        request = intake.RegistrationRequested(**ONLINE.model_dump())
        reason, detail = refused(after(REGISTERED), request)
        assert reason == RefusalReason.ALREADY_EXISTS
        assert CODE in detail


class TestReception:
    def test_at_a_counter_is_registration_and_reception_in_one(self) -> None:
        assert decided(after(), RECEPTION, by="cb-1") == RECEIVED

    def test_of_what_was_registered_repeats_what_was_filed(self) -> None:
        request = intake.ReceptionRequested()
        fact = decided(after(REGISTERED), request, by="cb-2")
        assert fact == RECEIVED.model_copy(update={"by": "cb-2"})

    def test_with_a_filing_is_refused_if_the_code_is_taken(self) -> None:
        assert refused(after(REGISTERED), RECEPTION)[0] == RefusalReason.ALREADY_EXISTS

    def test_without_a_filing_is_refused_if_nothing_was_registered(self) -> None:
        reason, detail = refused(after(), intake.ReceptionRequested(), by="cb-1")
        assert reason == RefusalReason.UNKNOWN_DOSSIER
        assert CODE in detail

    @pytest.mark.parametrize(
        "so_far", [[RECEIVED], [REGISTERED, NOT_RECEIVED], [REGISTERED, WITHDRAWN]]
    )
    def test_comes_but_once(self, so_far: list[EventData]) -> None:
        assert refused(after(*so_far), intake.ReceptionRequested(), by="c")[0] == "wrong-state"

    @pytest.mark.parametrize(
        ("change", "reason", "says"),
        [
            ({"procedure": "9.999"}, RefusalReason.UNKNOWN_PROCEDURE, "no procedure 9.999"),
            (
                {"channel": "postal"},
                RefusalReason.CHANNEL_NOT_OFFERED,
                "by counter, online, not by",
            ),
            (
                {"place": "00000"},
                RefusalReason.UNKNOWN_PLACE,
                "place: no unit of the city answers for 00000",
            ),
            ({"receiving_unit": "H99"}, RefusalReason.UNKNOWN_UNIT, "no unit H99"),
            ({"returning_unit": "H98"}, RefusalReason.UNKNOWN_UNIT, "no unit H98"),
        ],
    )
    @pytest.mark.parametrize("online", [True, False])
    def test_is_refused_for_what_the_catalogue_does_not_have(
        self, change: dict[str, Any], reason: RefusalReason, says: str, online: bool
    ) -> None:
        filing = {**ONLINE.model_dump(), **change}
        request: EventData = intake.ReceptionRequested(filing=intake.FilingForm(**filing))
        if online:
            request = intake.RegistrationRequested(**filing)
        found, detail = refused(after(), request)
        assert found == reason
        assert says in detail


WAYS: list[tuple[str, EventData, list[EventData], EventData]] = [
    (
        "a rejection of what was registered",
        intake.RejectionRequested(reason="no"),
        [REGISTERED],
        NOT_RECEIVED,
    ),
    (
        "a demand for a supplement",
        intake.SupplementDemandRequested(documents=("b",), reason="r"),
        [RECEIVED],
        DEMANDED,
    ),
    (
        "a supplement, at another unit",
        intake.SupplementDeliveryRequested(documents=("b",), unit="H29.15"),
        [RECEIVED, DEMANDED],
        DELIVERED,
    ),
    (
        "a demand for a payment",
        intake.PaymentDemandRequested(amount=500, reason="tax"),
        [RECEIVED],
        OWED,
    ),
    (
        "a payment of all that is owed",
        intake.PaymentReportRequested(amount=500, reference="p1"),
        [RECEIVED, OWED],
        PAID,
    ),
    (
        "a payment of a part",
        intake.PaymentReportRequested(amount=200, reference="p1"),
        [RECEIVED, OWED],
        intake.PaymentReceived(amount=200, outstanding=300, reference="p1"),
    ),
    (
        "a payment of the rest",
        intake.PaymentReportRequested(amount=300, reference="p2"),
        [RECEIVED, OWED, intake.PaymentReceived(amount=200, outstanding=300, reference="p1")],
        intake.PaymentReceived(amount=300, outstanding=0, reference="p2"),
    ),
    ("a withdrawal", intake.WithdrawalRequested(reason="changed my mind"), [RECEIVED], WITHDRAWN),
    (
        "a withdrawal of what was only registered",
        intake.WithdrawalRequested(reason="changed my mind"),
        [REGISTERED],
        WITHDRAWN,
    ),
    (
        "a withdrawal while the clock stands",
        intake.WithdrawalRequested(reason="changed my mind"),
        [RECEIVED, STOPPED],
        WITHDRAWN,
    ),
]


@pytest.mark.parametrize(("what", "request_", "so_far", "fact"), WAYS, ids=[w[0] for w in WAYS])
def test_accepts(what: str, request_: EventData, so_far: list[EventData], fact: EventData) -> None:
    assert decided(after(*so_far), request_) == fact


@pytest.mark.parametrize("request_", {w[1].NAME: w[1] for w in WAYS}.values(), ids=lambda r: r.NAME)
def test_knows_nothing_of_a_dossier_that_nobody_handed_in(request_: EventData) -> None:
    assert refused(after(), request_)[0] == RefusalReason.UNKNOWN_DOSSIER


@pytest.mark.parametrize(
    ("request_", "so_far", "says"),
    [
        (WAYS[0][1], [RECEIVED], "is received; it cannot be refused reception"),
        (WAYS[1][1], [REGISTERED], "is registered; it cannot be sent back"),
        (WAYS[1][1], [RECEIVED, DEMANDED], "is supplement requested"),
        (WAYS[1][1], [RECEIVED, STOPPED], "is stopped"),
        (WAYS[2][1], [RECEIVED], "cannot take a supplement"),
        (WAYS[2][1], [RECEIVED, DEMANDED, DELIVERED], "cannot take a supplement"),
        (WAYS[3][1], [RECEIVED, OWED], "is payment requested; it cannot be asked for a payment"),
        (WAYS[7][1], [RECEIVED, PROCESSED], "is processed; it cannot be withdrawn"),
        (WAYS[7][1], [RECEIVED, WITHDRAWN], "is withdrawn; it cannot be withdrawn"),
    ],
)
def test_refuses_what_the_state_does_not_allow(
    request_: EventData, so_far: list[EventData], says: str
) -> None:
    reason, detail = refused(after(*so_far), request_)
    assert reason == RefusalReason.WRONG_STATE
    assert says in detail


def test_judges_a_request_by_how_things_stood_at_its_time() -> None:
    state = after(RECEIVED, DEMANDED, DELIVERED)
    request = intake.SupplementDeliveryRequested(documents=("b",), unit="H29.15")
    assert isinstance(decided(state, request, minute=1), intake.SupplementDelivered)
    assert refused(state, request, minute=2)[0] == "wrong-state"


def test_says_of_a_time_before_the_beginning_that_the_dossier_was_not_there() -> None:
    state = after(RECEIVED)
    reason, detail = refused(state, intake.WithdrawalRequested(reason="r"), minute=-1)
    assert reason == "wrong-state"
    assert "not there yet" in detail


def test_refuses_a_supplement_at_a_unit_that_does_not_exist() -> None:
    request = intake.SupplementDeliveryRequested(documents=("b",), unit="H99")
    assert refused(after(RECEIVED, DEMANDED), request)[0] == RefusalReason.UNKNOWN_UNIT


@pytest.mark.parametrize("so_far", [[RECEIVED], [RECEIVED, OWED, PAID]])
def test_refuses_a_payment_if_nothing_is_outstanding(so_far: list[EventData]) -> None:
    request = intake.PaymentReportRequested(amount=1, reference="p")
    assert refused(after(*so_far), request)[0] == RefusalReason.NOTHING_OUTSTANDING


def test_refuses_a_payment_of_more_than_is_outstanding_and_says_how_much_is() -> None:
    request = intake.PaymentReportRequested(amount=501, reference="p")
    reason, detail = refused(after(RECEIVED, OWED), request)
    assert reason == RefusalReason.OVERPAID
    assert "501" in detail
    assert "500" in detail


def test_passes_dates_on() -> None:
    until = START + timedelta(days=9)
    supplement = intake.SupplementDemandRequested(documents=("b",), reason="r", until=until)
    payment = intake.PaymentDemandRequested(amount=1, reason="r", until=until)
    for request in (supplement, payment):
        assert decided(after(RECEIVED), request).until == until  # type: ignore[attr-defined]


def test_decides_every_request_that_is_intakes_and_no_other() -> None:
    assert {r.OWNER for r in REQUESTS} == {"intake"}
    assert DECIDER.requests == types(*REQUESTS)


def test_draws_no_conclusions_and_waits_for_nothing() -> None:
    state = after(RECEIVED)
    assert DECIDER.react(WORLD, state, event(RECEIVED, 0)) == ()
    assert DECIDER.timer(WORLD, state) is None
    with pytest.raises(AssertionError):
        DECIDER.fire(WORLD, state, None)  # type: ignore[arg-type]


class TestAFiling:
    """Its level and fee, on a procedure at level full that costs 15,000 dong."""

    def test_says_no_level_and_no_fee_at_a_counter_and_gets_the_catalogues(self) -> None:
        request = intake.ReceptionRequested(filing=intake.FilingForm(**filing()))
        fact = decided(after(), request, by="c")
        assert isinstance(fact, intake.DossierReceived)
        assert (fact.level, fact.fee) == ("full", 15_000)

    def test_has_another_level_than_the_procedure(self) -> None:
        form = intake.FilingForm(**filing(level="information"))
        reason, detail = refused(after(), intake.ReceptionRequested(filing=form), by="c")
        assert reason == RefusalReason.LEVEL_NOT_OFFERED
        assert detail.startswith("level: ")

    def test_is_paid_with_more_than_it_costs(self) -> None:
        form = intake.FilingForm(**filing(fee=15_001))
        reason, detail = refused(after(), intake.ReceptionRequested(filing=form), by="c")
        assert reason == RefusalReason.OVERPAID
        assert detail.startswith("fee: ")

    @pytest.mark.parametrize(("paid", "owed"), [(0, 15_000), (5_000, 10_000)])
    def test_is_received_and_the_rest_of_its_fee_is_demanded(self, paid: int, owed: int) -> None:
        form = intake.FilingForm(**filing(fee=paid))
        request = event(intake.ReceptionRequested(filing=form), 60)
        _, demanded = DECIDER.decide(WORLD, after(), request)
        assert isinstance(demanded, intake.PaymentDemanded)
        assert demanded.amount == owed

    def test_came_online_unpaid_and_is_asked_for_its_fee_once_it_is_received(self) -> None:
        form = intake.FilingForm(**filing(channel="online"))
        registered = decided(after(), intake.RegistrationRequested(**form.model_dump()))
        assert isinstance(registered, intake.DossierRegistered)
        assert registered.fee == 0
        request = event(intake.ReceptionRequested(), 60)
        _, demanded = DECIDER.decide(WORLD, after(registered), request)
        assert isinstance(demanded, intake.PaymentDemanded)
        assert demanded.amount == 15_000

    def test_that_was_registered_under_another_catalogue_is_promised_what_holds_today(self) -> None:
        nine_days = Budget(amount=9, unit=TimeUnit.CALENDAR_DAYS)
        later = world(timed(ONLINE.procedure, nine_days))
        request = event(intake.ReceptionRequested(), 60)
        (fact,) = DECIDER.decide(later, after(REGISTERED), request)
        assert isinstance(fact, intake.DossierReceived)
        assert fact.promise is not None
        assert fact.promise.budget == Budget(
            amount=9, unit=TimeUnit.CALENDAR_DAYS, reading=CalendarDaysEnd.CLOSING
        )


@pytest.mark.parametrize(
    "request_",
    [
        intake.SupplementDemandRequested(
            documents=("a photo",), reason="r", by="cb-1", until=datetime(1, 1, 2, tzinfo=UTC)
        ),
        intake.PaymentDemandRequested(
            amount=5, reason="r", by="cb-1", until=datetime(1999, 12, 31, tzinfo=UTC)
        ),
    ],
    ids=["supplement", "payment"],
)
def test_refuses_a_term_that_is_long_past(request_: EventData) -> None:
    reason, detail = refused(after(RECEIVED), request_)
    assert reason == RefusalReason.WRONG_DATE
    assert "before the year 2000" in detail


class TestHowMuchADossierMayHave:
    PAPERS = tuple(f"{n}" for n in range(101))

    @pytest.mark.parametrize(
        ("request_", "so_far"),
        [
            (
                intake.SupplementDemandRequested(documents=PAPERS, reason="r", by="cb-1"),
                [RECEIVED],
            ),
            (
                intake.SupplementDeliveryRequested(documents=PAPERS, unit="H29.15"),
                [RECEIVED, DEMANDED],
            ),
            (
                intake.ReceptionRequested(
                    by="cb-1", filing=ONLINE.model_copy(update={"documents": PAPERS})
                ),
                [],
            ),
        ],
        ids=["demanded", "delivered", "handed in"],
    )
    def test_is_a_hundred_papers_in_one_request(
        self, request_: EventData, so_far: list[EventData]
    ) -> None:
        reason, detail = refused(after(*so_far), request_)
        assert reason == RefusalReason.TOO_LARGE
        assert "names 101 papers; one request names 100 at most" in detail

    def test_is_two_mebibytes_and_then_only_what_brings_it_to_its_end(self) -> None:
        facts: list[EventData] = [RECEIVED]
        long = intake.SupplementDemanded(
            documents=tuple(f"{n:03d}" + "ộ" * 190 for n in range(100)), reason="r", by="cb-1"
        )
        for _ in range(20):
            facts += [long, DELIVERED]
        asked = intake.SupplementDemandRequested(
            documents=("a photo",), reason="ộ" * 500, by="cb-1"
        )
        minutes = len(facts) + 60
        assert isinstance(decided(after(*facts), asked, minutes), intake.SupplementDemanded)
        for _ in range(20):
            facts += [long, DELIVERED]
        large = after(*facts)
        reason, detail = refused(large, asked, len(facts) + 60)
        assert reason == RefusalReason.TOO_LARGE
        assert "from 2097152 on, a request may have 1000" in detail
        short = intake.WithdrawalRequested(reason="not needed")
        assert isinstance(decided(large, short, len(facts) + 60), intake.DossierWithdrawn)
