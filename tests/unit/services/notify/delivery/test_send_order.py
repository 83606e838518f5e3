"""In which order a dossier's messages go, and that each gets its turn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.notify.delivery.delivery import Delivery
from services.notify.delivery.send_order import in_send_order
from services.notify.sending.ending import must_wait
from services.notify.sending.outbox import DueMessage

NIGHT = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
MORNING = datetime(2026, 3, 3, 0, 0, tzinfo=UTC)


def minutes(number: int) -> datetime:
    return NIGHT + timedelta(minutes=number)


def order(*messages: Delivery, now: datetime = MORNING) -> list[str]:
    return [m.message_id for m in in_send_order({m.message_id: m for m in messages}, "sms", now)]


def test_what_was_held_for_the_morning_goes_in_the_order_in_which_it_happened() -> None:
    stopped = Delivery("z", "sms", planned_at=NIGHT, send_at=MORNING)
    resumed = Delivery("a", "sms", planned_at=minutes(30), send_at=MORNING)
    urgent = Delivery("u", "sms", planned_at=minutes(40))
    assert order(resumed, stopped, urgent) == ["u", "z", "a"]
    assert order(resumed, stopped, urgent, now=minutes(60)) == ["u"]


def test_only_what_is_due_on_the_channel_has_a_turn() -> None:
    ended = Delivery("e", "sms", planned_at=NIGHT, ended_at=MORNING)
    mail = Delivery("m", "email", planned_at=NIGHT)
    assert order(ended, mail, Delivery("s", "sms", planned_at=NIGHT)) == ["s"]


def test_what_takes_a_message_back_goes_after_it_though_it_happened_before() -> None:
    notice = Delivery("n", "sms", planned_at=minutes(9), send_at=MORNING)
    back = Delivery("b", "sms", planned_at=NIGHT, takes_back="n")
    later = Delivery("l", "sms", planned_at=minutes(10), send_at=MORNING)
    assert order(back, later, notice) == ["n", "b", "l"]
    told = Delivery("n", "sms", planned_at=minutes(9), ended_at=MORNING)
    assert order(back, later, told) == ["b", "l"]


@st.composite
def dossiers(draw: st.DrawFn) -> list[Delivery]:
    found: list[Delivery] = []
    for number in range(draw(st.integers(1, 7))):
        at = minutes(draw(st.integers(0, 5)))
        night = draw(st.booleans())
        notices = [m.message_id for m in found if m.takes_back is None]
        found.append(
            Delivery(
                f"m-{draw(st.integers(0, 9))}{number}",
                "sms",
                planned_at=at,
                send_at=draw(st.sampled_from([None, at, minutes(8), MORNING])),
                quiet_from="21:00" if night else None,
                quiet_until="07:00" if night else None,
                takes_back=draw(st.sampled_from([None, *notices])),
                recipient=draw(st.sampled_from(["one", "other"])) if not notices else "one",
            )
        )
    return found


@given(dossiers(), st.booleans())
def test_whatever_waits_for_whatever_everything_gets_its_turn(
    dossier: list[Delivery], streamed: bool
) -> None:
    """Nothing waits for anything in a circle, and the order is the same each time."""
    messages = {m.message_id: m for m in dossier}
    now = minutes(10)
    gone: list[str] = []
    while messages:
        ready = in_send_order(messages, "sms", now)
        able = []
        for place, message in enumerate(ready):
            earlier = tuple(m for m in ready[:place] if m.recipient == message.recipient)
            notice = messages.get(message.takes_back or "")
            due = DueMessage("d", 0, now, message, None, notice, False, earlier)
            if not must_wait(due, streamed=streamed, lets_by=lambda _: False):
                able.append(message)
        if now < MORNING and not able:
            now = MORNING  # all that is left sleeps, or follows what does
            continue
        assert able
        assert len({m.recipient for m in able}) == len(able), "one at a time to each recipient"
        for message in able:
            gone.append(message.message_id)
            del messages[message.message_id]
    for message in dossier:
        if message.takes_back:
            assert gone.index(message.takes_back) < gone.index(message.message_id)
