"""What became of each message, and where each citizen can be reached."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from itertools import permutations
from typing import Any

import msgspec
import pytest

from contracts.events import notify
from contracts.events.contacts import ContactRegistered
from contracts.events.notify import Audience, MessageChannel, NotSentReason
from contracts.model import EventData
from contracts.values import Locale
from contracts.wire.envelope import Event
from services.notify.channels.provider import Outgoing
from services.notify.channels.smtp import compose
from services.notify.contacts.contact import SealedContact, SealedContactDecider
from services.notify.deciders import DeliveryDecider
from services.notify.delivery.delivery import Deliveries, deliveries_after
from services.notify.dossier.digests import TimerKind
from services.notify.dossier.policy import LEGAL
from services.notify.wording.renderer import RenderedMessage
from services.runtime.core.decider import Decider, Timer
from tests.support.rule_sets import WORLD

CODE = "H29.15-240307-0001"
START = datetime(2024, 3, 7, 1, 0, tzinfo=UTC)


def text(subject: str, body: str) -> RenderedMessage:
    return RenderedMessage(subject, body, "short", "1")


def outgoing(worded: RenderedMessage) -> Outgoing:
    return Outgoing("m-1", CODE, "c@d.test", worded)


def event(data: EventData, minute: int) -> Event:
    return Event(f"e-{minute}", "/x", CODE, START + timedelta(minutes=minute), data)


def planned(message: str) -> EventData:
    return notify.MessagePlanned(
        message_id=message,
        cause_id="cause",
        recipient="citizen-1",
        channel=MessageChannel.EMAIL,
        template="received",
        locale=Locale.EN,
        params={"due": "today"},
    )


def sent(message: str) -> EventData:
    return notify.MessageSent(message_id=message, channel=MessageChannel.EMAIL)


def not_sent(message: str) -> EventData:
    return notify.MessageNotSent(
        message_id=message,
        channel=MessageChannel.EMAIL,
        reason=NotSentReason.REJECTED,
        detail="550",
    )


STORY = [
    event(planned("a"), 0),
    event(planned("b"), 1),
    event(planned("c"), 2),
    event(sent("a"), 3),
    event(not_sent("b"), 4),
]


def folded(facts: list[Event]) -> Deliveries:
    state = Deliveries()
    for fact in facts:
        state = deliveries_after(state, fact)
    return state


def test_a_message_is_pending_until_it_ends() -> None:
    assert [folded(STORY[:count]).pending for count in range(6)] == [0, 1, 2, 3, 2, 1]


def test_a_message_keeps_what_it_takes_to_send_it() -> None:
    message = folded(STORY).messages["c"]
    assert message.pending
    assert (message.recipient, message.template, message.locale) == ("citizen-1", "received", "en")
    assert message.params == {"due": "today"}


def test_the_recipient_is_stored_under_the_name_that_older_documents_have() -> None:
    stored = msgspec.to_builtins(folded(STORY))
    assert stored["messages"]["c"]["citizen"] == "citizen-1"
    assert msgspec.convert(stored, Deliveries, str_keys=True) == folded(STORY)


def test_a_message_that_was_not_sent_keeps_why() -> None:
    message = folded(STORY).messages["b"]
    assert (message.not_sent, message.detail, message.ended_at) == (
        "rejected",
        "550",
        STORY[4].time,
    )


def test_every_order_of_arrival_comes_to_the_same() -> None:
    for order in permutations(STORY):
        found = folded(list(order))
        assert found.messages == folded(STORY).messages
        assert found.pending == 1


def receipt(message: str, *, arrived: bool) -> EventData:
    if arrived:
        return notify.MessageDelivered(message_id=message, provider="sms")
    return notify.MessageUndelivered(message_id=message, provider="sms", reason="switched off")


def test_failed_and_delivered_come_to_the_same_in_any_order() -> None:
    facts = [
        event(planned("a"), 0),
        event(sent("a"), 1),
        event(receipt("a", arrived=False), 2),
        event(receipt("a", arrived=True), 3),
    ]
    expected = folded(facts).messages["a"]
    assert (expected.receipt, expected.detail) == ("delivered", None)
    assert all(folded(list(order)).messages["a"] == expected for order in permutations(facts))


def test_a_plan_that_comes_again_does_not_change_what_was_told() -> None:
    known = folded(STORY)
    again = planned("a").model_copy(update={"params": {"due": "tomorrow"}})
    assert deliveries_after(known, event(again, 5)) == known


@pytest.mark.parametrize("arrived", [True, False])
def test_a_receipt_may_come_before_our_own_record_and_twice(arrived: bool) -> None:
    facts = [
        event(planned("a"), 0),
        event(sent("a"), 1),
        event(receipt("a", arrived=arrived), 2),
        event(receipt("a", arrived=arrived), 3),
    ]
    whole = folded(facts)
    assert whole.messages["a"].receipt == ("delivered" if arrived else "undelivered")
    assert whole.messages["a"].ended_at == facts[1].time
    assert whole.pending == 0
    for order in permutations(facts):
        assert folded(list(order)) == whole


def test_what_arrived_has_arrived_whatever_else_is_said_of_it_and_when() -> None:
    facts = [
        event(planned("a"), 0),
        event(sent("a"), 1),
        event(receipt("a", arrived=False), 2),
        event(receipt("a", arrived=True), 3),
    ]
    for order in permutations(facts):
        assert folded(list(order)).messages["a"].receipt == "delivered"


def test_a_receipt_for_a_message_that_nobody_planned_makes_nothing_to_be_sent() -> None:
    state = folded([*STORY, event(receipt("unknown", arrived=True), 9)])
    assert (state.pending, state.next_at) == (folded(STORY).pending, folded(STORY).next_at)
    assert state.messages["unknown"].due_at is None
    assert {key: m for key, m in state.messages.items() if key != "unknown"} == folded(
        STORY
    ).messages


def test_an_end_stands_whatever_comes_later() -> None:
    state = folded([*STORY, event(not_sent("a"), 9), event(sent("b"), 9)])
    assert state == folded(STORY)


OPTED_OUT = notify.OptOutSet(opted_out=True)


def off(state: Deliveries) -> dict[str, datetime | None]:
    return {key: state.called_off_at(message) for key, message in state.messages.items()}


def test_an_opt_out_calls_off_what_was_planned_until_then_whatever_the_order() -> None:
    facts = [
        event(planned("before"), 0),
        event(OPTED_OUT, 1),
        event(planned("between"), 2),
        event(OPTED_OUT, 3),
        event(planned("after"), 4),
    ]
    whole = folded(facts)
    assert off(whole) == {"before": facts[3].time, "between": facts[3].time, "after": None}
    assert whole.pending == 3, "whoever sends ends them"
    for order in permutations([*facts, facts[1]]):
        assert folded(list(order)) == whole


def test_whoever_opts_in_again_is_told_what_waits_whatever_the_order() -> None:
    facts = [
        event(planned("held"), 0),
        event(OPTED_OUT, 1),
        event(notify.OptOutSet(opted_out=False), 2),
        event(planned("later"), 3),
    ]
    for order in permutations([*facts, facts[1]]):
        assert off(folded(list(order))) == {"held": None, "later": None}


def test_in_a_stream_what_was_chosen_when_a_message_was_due_counts() -> None:
    facts = [
        event(planned("held"), 0),
        event(OPTED_OUT, 1),
        event(notify.OptOutSet(opted_out=False), 5),
    ]
    state = folded(facts)
    (held,) = state.messages.values()
    found = {
        minute: state.called_off_at(held, event(OPTED_OUT, minute).time) for minute in (1, 4, 5, 6)
    }
    assert found == {1: None, 4: facts[1].time, 5: facts[1].time, 6: None}


@pytest.mark.parametrize("template", sorted(LEGAL))
def test_what_the_law_demands_is_not_called_off(template: str) -> None:
    demand = planned("a").model_copy(update={"template": template})
    assert off(folded([event(demand, 0), event(OPTED_OUT, 1)])) == {"a": None}


@pytest.mark.parametrize("audience", [Audience.HEAD, Audience.OFFICER])
def test_what_officers_are_told_no_citizen_calls_off(audience: Audience) -> None:
    alert = planned("a").model_copy(update={"audience": audience})
    assert off(folded([event(alert, 0), event(OPTED_OUT, 1)])) == {"a": None}


def test_an_opt_out_changes_nothing_of_what_was_sent() -> None:
    told = folded([event(planned("a"), 0), event(sent("a"), 1)])
    assert deliveries_after(told, event(OPTED_OUT, 2)).messages == told.messages


def test_a_fact_about_something_else_changes_nothing() -> None:
    other = ContactRegistered(key_id="k", sealed="s")
    assert deliveries_after(folded(STORY), event(other, 9)) == folded(STORY)


def contact(sealed: str, minute: int) -> Event:
    return event(ContactRegistered(key_id="k", sealed=sealed), minute)


def test_the_newest_contact_counts_whatever_order_they_come_in() -> None:
    decider = SealedContactDecider()
    for order in permutations([contact("old", 0), contact("new", 1)]):
        state = decider.initial("citizen-1")
        for fact in order:
            state = decider.evolve(WORLD, state, fact)
        assert state == SealedContact("new", "k", START + timedelta(minutes=1))


@pytest.mark.parametrize("decider", [DeliveryDecider(), SealedContactDecider()])
def test_deliveries_and_contacts_are_asked_nothing_and_wait_for_nothing(
    decider: Decider[Any],
) -> None:
    state = decider.initial("x")
    fact = contact("s", 0) if isinstance(decider, SealedContactDecider) else STORY[0]
    known = decider.evolve(WORLD, state, fact)
    assert decider.react(WORLD, known, fact) == ()
    assert decider.timer(WORLD, known) is None
    assert decider.requests == frozenset()
    with pytest.raises(AssertionError):
        decider.decide(WORLD, known, fact)
    with pytest.raises(AssertionError):
        decider.fire(WORLD, known, Timer(fact.time, TimerKind.RATING))


def test_a_mail_says_the_same_in_vietnamese_and_has_the_id_of_its_message() -> None:
    subject = "Hồ sơ H29.15-240307-0001 đã được tiếp nhận, hẹn trả kết quả 08:00 12/03/2024"
    raw = compose("a@b.test", outgoing(text(subject, "Kính gửi Ông/Bà\n")))
    mail = message_from_bytes(raw, policy=policy.default)
    assert mail["Subject"] == subject
    assert (mail["From"], mail["To"], mail["Message-ID"]) == (
        "a@b.test",
        "c@d.test",
        "<m-1@motcua>",
    )
    assert mail.get_content().replace("\r\n", "\n") == "Kính gửi Ông/Bà\n"


def test_a_mail_has_the_same_id_at_every_attempt() -> None:
    mails = [compose("a@b.test", outgoing(text("s", "b"))) for _ in "ab"]
    ids = {message_from_bytes(raw, policy=policy.default)["Message-ID"] for raw in mails}
    assert ids == {"<m-1@motcua>"}
