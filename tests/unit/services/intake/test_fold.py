"""What intake knows of a dossier, whatever order it was learned in; and what it shows of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.catalogue import load_catalogue
from contracts.events import intake, routing
from contracts.events.contacts import ContactRegistered
from contracts.model import EventData
from contracts.values import Locale
from contracts.wire.envelope import Event
from services.intake.codes import day_of, format_code
from services.intake.contact import Contact, contact_event
from services.intake.fold import evolve
from services.intake.receipt import form_of, receipt
from services.intake.state import Intake
from services.intake.view import view
from services.shared.citizen_keys import Sealed
from services.shared.lookup_key import LookupKeys
from services.shared.person import citizen
from tests.support.facts import (
    PROCESSED,
    delivered,
    demanded,
    filing,
    not_received,
    owed,
    paid,
    returned,
    withdrawn,
)

CATALOGUE = load_catalogue()
CODE = "H29.15-240307-0001"
KEYS = LookupKeys({1: "secret"})
START = datetime(2024, 3, 7, 1, 0, tzinfo=UTC)
FILING = filing(channel="online", returning_unit="H29.14", documents=("a form",), fee=15_000)
STORY: list[EventData] = [
    intake.DossierRegistered(**FILING),
    intake.DossierReceived(**FILING, by="cb-1"),
    demanded(documents=("b",), reason="first"),
    delivered(documents=("b",)),
    demanded(documents=("c",), reason="second"),
    delivered(documents=("c",)),
    owed(amount=500),
    paid(amount=200, outstanding=300, reference="p1"),
    intake.RemarkRecorded(activity="looked at"),
    paid(amount=300, outstanding=0, reference="p2"),
    PROCESSED,
    returned("H29.14", by="cb-2"),
]


def event(data: EventData, minute: int, name: str = "") -> Event:
    return Event(f"e-{minute}{name}", "/x", CODE, START + timedelta(minutes=minute), data)


EVENTS = [event(data, minute) for minute, data in enumerate(STORY)]


def folded(events: list[Event]) -> Intake:
    state = Intake()
    for fact in events:
        state = evolve(state, fact)
    return state


WHOLE = folded(EVENTS)


@given(st.permutations(EVENTS))
def test_every_order_of_arrival_gives_the_same_state(events: list[Event]) -> None:
    assert folded(events) == WHOLE


@given(
    st.permutations([event(data, 7, name) for name, data in zip("abcd", STORY[6:10], strict=True)])
)
def test_facts_of_the_same_instant_are_put_in_one_order(events: list[Event]) -> None:
    assert folded(events) == folded(sorted(events, key=lambda e: e.id))


def test_what_was_filed_is_kept() -> None:
    filed = WHOLE.filed
    assert filed is not None
    assert {name: getattr(filed, name) for name in FILING} == FILING
    assert (WHOLE.received_at, WHOLE.received_by) == (START + timedelta(minutes=1), "cb-1")


def test_demands_and_payments_stand_in_their_order() -> None:
    assert [d.reason for d in WHOLE.supplements] == ["first", "second"]
    assert [p.amount for p in WHOLE.payments] == [200, 300]
    assert [r.activity for r in WHOLE.remarks] == ["looked at"]


@pytest.mark.parametrize(("facts", "outstanding"), [(6, 0), (7, 500), (8, 300), (10, 0)])
def test_what_is_outstanding_is_what_was_asked_less_what_was_paid(
    facts: int, outstanding: int
) -> None:
    assert folded(EVENTS[:facts]).outstanding == outstanding


def test_more_than_was_asked_leaves_nothing_outstanding() -> None:
    assert folded([event(paid(amount=9), 1)]).outstanding == 0


def test_why_it_was_not_received_or_withdrawn_is_kept() -> None:
    refusal = not_received(reason="not ours")
    assert folded([event(refusal, 1)]).not_received_reason == "not ours"
    assert folded([event(withdrawn(reason="r"), 1)]).withdrawal_reason == "r"


def test_a_fact_that_does_not_concern_intake_changes_nothing() -> None:
    other = routing.StepReassigned(step="s", ordinal=0, lead="a", by="b")
    assert evolve(WHOLE, event(other, 99)) == WHOLE


class TestTheReceipt:
    def test_says_what_was_handed_in_and_has_the_key_to_look_it_up(self) -> None:
        shown = receipt(CODE, WHOLE, CATALOGUE, KEYS)
        assert shown["code"] == CODE
        assert KEYS.generation(CODE, shown["lookup_key"]) == 1
        assert shown["procedure"] == CATALOGUE.procedures["1.004194"].name_vi
        assert shown["receiving_unit"] == CATALOGUE.units["H29.15"].name_vi
        assert (shown["documents"], shown["fee"]) == (("a form",), 15_000)
        assert "citizen-1" not in str(shown)

    def test_names_by_their_codes_what_the_catalogue_lost(self) -> None:
        assert WHOLE.filed is not None
        filed = msgspec.structs.replace(WHOLE.filed, procedure="9.9", receiving_unit="H99")
        shown = receipt(CODE, msgspec.structs.replace(WHOLE, filed=filed), CATALOGUE, KEYS)
        assert (shown["procedure"], shown["receiving_unit"]) == ("9.9", "H99")

    def test_is_printed_for_nobody_who_handed_nothing_in(self) -> None:
        with pytest.raises(ValueError, match="never handed in"):
            receipt(CODE, Intake(), CATALOGUE, KEYS)

    @pytest.mark.parametrize(
        ("received", "circular"),
        [
            ("2018-11-01T00:00:00+07:00", "01/2018"),
            ("2025-09-14T23:59:59.999+07:00", "01/2018"),
            ("2025-09-14T17:00:00+00:00", "03/2025"),
            ("2025-09-15T00:00:00+07:00", "03/2025"),
            ("2026-01-05T08:00:00+07:00", "03/2025"),
        ],
    )
    def test_has_the_form_of_the_circular_in_force_on_the_day_of_reception(
        self, received: str, circular: str
    ) -> None:
        form = form_of(datetime.fromisoformat(received), load_catalogue())
        assert form == f"Mẫu số 01, Thông tư {circular}/TT-VPCP"

    def test_has_no_form_before_reception(self) -> None:
        assert form_of(None, load_catalogue()) is None
        assert receipt(CODE, folded(EVENTS[:1]), CATALOGUE, KEYS)["form"] is None


class TestTheView:
    def test_shows_the_public_state_the_money_and_the_waits(self) -> None:
        shown = view(CODE, folded(EVENTS[:8]), CATALOGUE)
        assert (shown["status"], shown["status_name"]) == (6, "payment_requested")
        assert shown["outstanding"] == 300
        assert [d["reason"] for d in shown["supplements"]] == ["first", "second"]
        assert shown["procedure_name"]["en"] == CATALOGUE.procedures["1.004194"].name_en

    def test_names_no_citizen(self) -> None:
        assert "citizen-1" not in str(view(CODE, WHOLE, CATALOGUE))

    def test_shows_a_dossier_whose_procedure_the_catalogue_lost(self) -> None:
        assert WHOLE.filed is not None
        state = Intake(filed=msgspec.structs.replace(WHOLE.filed, procedure="9.9"))
        shown = view(CODE, state, CATALOGUE)
        assert shown["procedure_name"] == {"vi": None, "en": None}
        assert (shown["status"], shown["status_name"]) == (None, None)


class TestADossierCode:
    def test_has_the_agency_the_day_and_the_number(self) -> None:
        assert format_code("H29.15", "240307", 1) == "H29.15-240307-0001"

    def test_gets_longer_past_9999_and_not_ambiguous(self) -> None:
        assert format_code("H29.15", "240307", 10_000) == "H29.15-240307-10000"

    @pytest.mark.parametrize(
        ("time", "day"),
        [
            ("2024-03-07T16:59:59+00:00", "240307"),
            ("2024-03-07T17:00:00+00:00", "240308"),
            ("2024-03-07T09:00:00+07:00", "240307"),
        ],
    )
    def test_is_of_the_day_that_it_is_in_vietnam(self, time: str, day: str) -> None:
        assert day_of(datetime.fromisoformat(time)) == day


class TestContactData:
    def test_leaves_intake_only_sealed_and_for_its_citizen(self) -> None:
        sealed = Sealed("k-1", "c2VhbGVk")
        found = contact_event(citizen("citizen-1"), sealed, Locale.EN, START, "cause")
        assert isinstance(found.data, ContactRegistered)
        assert (found.subject, found.data.key_id, found.data.sealed) == (
            "citizen:citizen-1",
            "k-1",
            "c2VhbGVk",
        )

    def test_is_the_same_event_for_the_same_cause(self) -> None:
        made = [
            contact_event(citizen("citizen-1"), Sealed("k", "x"), Locale.VI, START, cause).id
            for cause in ("one", "one", "two")
        ]
        assert made[0] == made[1] != made[2]

    @pytest.mark.parametrize(
        ("given", "says"),
        [
            ({}, "at least one of"),
            ({"email": "nguyen@"}, "email"),
            ({"email": "nguyễn@example.test"}, "email"),
            ({"phone": "call me"}, "phone"),
            ({"webhook": "https://portal.example/hook"}, "an address and a secret"),
            ({"webhook": "ftp://x", "webhook_secret": "whsec_" + "a" * 24}, "webhook"),
            ({"email": "a@b.test", "fax": "1"}, "fax"),
        ],
    )
    def test_that_reaches_nobody_is_refused(self, given: dict[str, str], says: str) -> None:
        with pytest.raises(ValidationError, match=says):
            Contact(**given)

    @pytest.mark.parametrize(
        ("field", "given", "says"),
        [
            ("email", "a,b@example.vn", "an@example.vn"),
            ("email", "<an@example.vn>", "an@example.vn"),
            ("phone", "0283 822 3456", "0903 123 456"),
            ("phone", "0903 123 456 0904 123 456", "0903 123 456"),
            ("phone", "+1", r"\+1 202 555 0143"),
            ("phone", "+999999999", r"\+1 202 555 0143"),
            ("zalo", "0992 123 456", "0903 123 456"),
            ("zalo", "0283 822 3456", "0903 123 456"),
            ("webhook", "http://portal.example.vn/hook", "https://portal.example.vn/motcua"),
            ("webhook", "http://8.8.8.8/hook", "plain HTTP"),
            ("webhook", "https:///hook", "name a host"),
            ("webhook", "https://[::1/hook", "no address"),
            ("webhook", "https://me:secret@portal.example.vn/hook", "leave user and password out"),
        ],
    )
    def test_that_notify_could_never_use_is_refused_with_a_good_example(
        self, field: str, given: str, says: str
    ) -> None:
        with pytest.raises(ValidationError, match=says) as refused:
            Contact.model_validate({field: given, **_secret_of(field)})
        assert [error["loc"] for error in refused.value.errors()] == [(field,)]

    @pytest.mark.parametrize(
        "phone", ["0283 822 3456", "0236 3822 345 ext 12", "0903123456 / 0905123456"]
    )
    def test_whoever_can_be_told_by_something_else_may_leave_a_landline(self, phone: str) -> None:
        assert Contact(email="an@example.vn", phone=phone).phone == phone

    def test_what_is_no_number_is_refused_whatever_else_there_is(self) -> None:
        with pytest.raises(ValidationError, match="0903 123 456"):
            Contact(email="an@example.vn", phone="call me")
        with pytest.raises(ValidationError, match="0903 123 456"):
            Contact.model_validate({"email": "an@", "phone": "0283 822 3456"})

    @pytest.mark.parametrize(
        ("field", "given"),
        [
            ("email", "an.nguyen+motcua@mail.example.vn"),
            ("phone", "0903 123 456"),
            ("phone", "+84 (0)903.123.456"),
            ("phone", "0169 123 4567"),
            ("phone", "+1 202 555 0143"),
            ("zalo", "0903123456"),
            ("zalo", "2512523625412515"),
            ("webhook", "https://portal.example.vn:8443/hook?of=us"),
            ("webhook", "http://127.0.0.1:8080/hook"),
            ("webhook", "http://[::1]:8080/hook"),
            ("webhook", "http://receiver:8080/hook"),
            ("webhook", "http://receiver.portal.internal/hook"),
        ],
    )
    def test_that_can_be_used_is_kept_as_it_was_written(self, field: str, given: str) -> None:
        contact = Contact.model_validate({field: given, **_secret_of(field)})
        assert getattr(contact, field) == given


def _secret_of(field: str) -> dict[str, str]:
    return {"webhook_secret": "whsec_" + "a" * 24} if field == "webhook" else {}
