"""A change of contact data counts once its code is entered, in time, and not by trying."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from contracts.events.contacts import (
    AddressKind,
    ContactChangeAsked,
    ContactChangeRefused,
    ContactChangeRequested,
    ContactErased,
    ContactProofRefused,
    ContactProofRequested,
    ContactProven,
)
from contracts.events.refusals import Refusal, RefusalReason
from contracts.model import EventData
from contracts.wire.actor import Actor, AuthType, system
from contracts.wire.claims import Role, claims
from contracts.wire.envelope import Event, caused
from services.intake.proof_decider import ProofDecider
from services.intake.proofs import CODE_LASTS, MOST_ASKED, TRIES
from services.shared.person import Person, citizen, of_a_dossier, staff
from tests.support.event import event
from tests.support.rule_sets import WORLD

NOW = datetime(2026, 12, 1, 2, 0, tzinfo=UTC)
AN = citizen("cd-an")
RIGHT, WRONG = "a" * 64, "b" * 64


class Counter:
    """Where An asks, and the time there."""

    def __init__(self) -> None:
        self.decider = ProofDecider()
        self.state = self.decider.initial(AN.subject)
        self.now = NOW
        self.by: Actor | None = claims([Role.DESK], "H29.1").vouch_for("cb-1")

    def later(self, by: timedelta) -> Counter:
        self.now += by
        return self

    def does(self, data: EventData, subject: str = AN.subject) -> EventData:
        request = replace(event(data, self.now, subject), actor=self.by)
        (fact,) = caused(request, "/motcua/intake", self.decider.decide(WORLD, self.state, request))
        self.takes(fact)
        return fact.data

    def takes(self, fact: Event) -> None:
        self.state = self.decider.evolve(WORLD, self.state, fact)

    def asks(self) -> ContactChangeAsked | ContactChangeRefused:
        asked = self.does(
            ContactChangeRequested(
                address=AddressKind.PHONE,
                key_id="k",
                sealed="new number",
                seed="0" * 32,
                code_hash=RIGHT,
            )
        )
        assert isinstance(asked, ContactChangeAsked | ContactChangeRefused)
        return asked

    def change(self) -> str:
        asked = self.asks()
        assert isinstance(asked, ContactChangeAsked)
        return asked.change

    def may_ask(self, by: Actor | None, whose: Person) -> bool:
        self.by = by
        answers = [
            self.does(
                ContactChangeRequested(
                    address=AddressKind.EMAIL,
                    key_id="k",
                    sealed="s",
                    seed="0" * 32,
                    code_hash=RIGHT,
                ),
                whose.subject,
            ),
            self.does(ContactProofRequested(change="c", code_hash=RIGHT), whose.subject),
        ]
        permitted = [
            isinstance(each, Refusal)
            and each.reason in (RefusalReason.NOT_PERMITTED, RefusalReason.NOT_SIGNED_IN)
            for each in answers
        ]
        assert permitted[0] == permitted[1]
        return not permitted[0]

    def enters(self, change: str, code: str = RIGHT) -> ContactProven | RefusalReason:
        answer = self.does(ContactProofRequested(change=change, code_hash=code))
        if isinstance(answer, ContactProofRefused):
            assert answer.change == change
            return answer.reason
        assert isinstance(answer, ContactProven)
        return answer


def test_who_enters_the_code_has_proven_the_address_that_it_was_sent_to() -> None:
    an = Counter()
    asked = an.asks()
    assert isinstance(asked, ContactChangeAsked)
    assert (asked.expires_at, asked.tells_proven) == (NOW + CODE_LASTS, True)
    proven = an.later(CODE_LASTS - timedelta(milliseconds=1)).enters(asked.change)
    assert isinstance(proven, ContactProven)
    assert (proven.address, proven.sealed, proven.change) == ("phone", "new number", asked.change)


def test_a_code_that_is_too_late_is_refused() -> None:
    an = Counter()
    change = an.change()
    assert an.later(CODE_LASTS).enters(change) is RefusalReason.CODE_EXPIRED


def test_a_code_is_good_once() -> None:
    an = Counter()
    change = an.change()
    an.enters(change)
    assert an.enters(change) is RefusalReason.UNKNOWN_CHANGE


def test_after_too_many_wrong_codes_the_right_one_is_refused_too() -> None:
    an = Counter()
    change = an.change()
    assert [an.enters(change, WRONG) for _ in range(TRIES)] == [RefusalReason.CODE_WRONG] * TRIES
    assert an.enters(change) is RefusalReason.TOO_MANY_TRIES
    again = an.later(timedelta(minutes=1)).change()
    assert isinstance(an.enters(again), ContactProven)


def test_the_newest_change_alone_can_be_proven() -> None:
    an = Counter()
    first = an.change()
    second = an.later(timedelta(minutes=1)).change()
    assert an.enters(first) is RefusalReason.UNKNOWN_CHANGE
    assert isinstance(an.enters(second), ContactProven)


def test_what_waits_is_gone_with_an_erasure() -> None:
    an = Counter()
    change = an.change()
    an.takes(event(ContactErased(reason="asked to"), an.now, AN.subject))
    assert an.enters(change) is RefusalReason.UNKNOWN_CHANGE


def test_codes_are_asked_for_a_minute_apart_and_a_few_times_a_day() -> None:
    an = Counter()
    an.change()
    refused = an.later(timedelta(seconds=59)).asks()
    assert isinstance(refused, ContactChangeRefused)
    assert refused.reason is RefusalReason.ASKED_TOO_OFTEN
    assert "2026-12-01T02:01:00.000Z" in refused.detail
    an.enters(an.later(timedelta(seconds=1)).change())
    an.change()
    an.later(timedelta(hours=1))
    for _ in range(MOST_ASKED - 3):
        an.change()
        an.later(timedelta(hours=1))
    refused = an.asks()
    assert isinstance(refused, ContactChangeRefused)
    assert "2026-12-02T02:00:00.000Z" in refused.detail
    an.now = NOW + timedelta(days=1)
    an.change()


def test_the_proven_addresses_are_told_of_one_request_a_day() -> None:
    an = Counter()
    told = []
    for _ in range(3):
        asked = an.asks()
        assert isinstance(asked, ContactChangeAsked)
        told.append(asked.tells_proven)
        an.later(timedelta(hours=12))
    assert told == [True, False, True]
    an.enters(an.change())
    asked = an.asks()
    assert isinstance(asked, ContactChangeAsked)
    assert asked.tells_proven, "the proven address is another one"


@pytest.mark.parametrize("subject", [of_a_dossier("H29.15-260302-0001"), "cd-older"])
def test_nothing_is_proven_of_a_dossier_or_of_an_older_reference(subject: str) -> None:
    asked = Counter().does(
        ContactChangeRequested(
            address=AddressKind.EMAIL, key_id="k", sealed="s", seed="0" * 32, code_hash=RIGHT
        ),
        subject,
    )
    assert isinstance(asked, ContactChangeRefused)
    assert asked.reason is RefusalReason.NOT_PERMITTED


@pytest.mark.parametrize(
    ("role", "of_citizens", "of_themselves"),
    [
        (Role.DESK, True, True),
        (Role.MACHINE, True, False),
        (Role.OFFICER, False, True),
        (Role.HEAD, False, True),
        (Role.AUDITOR, False, False),
        (Role.OPERATOR, False, False),
    ],
)
def test_nobody_asks_for_another_member_of_the_staff_and_desks_and_portals_for_citizens(
    role: Role, of_citizens: bool, of_themselves: bool
) -> None:
    unit = "H29.1" if role in (Role.DESK, Role.OFFICER, Role.HEAD) else ""
    named = ("ContactChangeRequested", "ContactProofRequested")
    me = claims([role], unit, named).vouch_for("cb-1")
    assert Counter().may_ask(me, citizen("cd-an")) is of_citizens
    assert Counter().may_ask(me, citizen("cb-1")) is of_citizens
    assert Counter().may_ask(me, staff("cb-1")) is of_themselves
    assert Counter().may_ask(me, staff("cb-2")) is False


@pytest.mark.parametrize("by", [None, Actor(AuthType.UNAUTHENTICATED), system("intake")])
def test_nobody_asks_for_whom_nobody_vouches(by: Actor | None) -> None:
    assert Counter().may_ask(by, AN) is False
    assert Counter().may_ask(by, staff("cb-1")) is False
