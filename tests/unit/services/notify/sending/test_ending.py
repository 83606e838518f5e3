"""How a due message ends that nobody is handed, and what is not its turn yet."""

from __future__ import annotations

from collections.abc import Container
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.events import notify
from contracts.events.notify import NotSentReason
from services.notify.delivery.delivery import Delivery
from services.notify.sending.ending import must_wait as waits_until
from services.notify.sending.ending import premature_end
from services.notify.sending.outbox import DueMessage

MORNING = datetime(2026, 3, 3, 0, 0, tzinfo=UTC)
EVENING = MORNING - timedelta(hours=9)
NIGHT = MORNING - timedelta(hours=4)
LIFE = (MORNING - EVENING).total_seconds()
BESIDE = ("taken_back_at", "called_off_at", "notice", "unsure", "earlier")
CHANNELS = ("email", "sms")


def due(now: datetime = MORNING, **changes: Any) -> DueMessage:
    beside = {k: changes.pop(k) for k in BESIDE if k in changes}
    message = Delivery("m-1", **{"channel": "sms", "planned_at": EVENING, **changes})
    return DueMessage("H29.1-260302-0001", 0, now, message, **beside)


def waits(due: DueMessage, *, streamed: bool, ended: Container[str] = ()) -> bool:
    return waits_until(due, streamed=streamed, lets_by=lambda m: m.message_id in ended)


def end(due: DueMessage, *, streamed: bool = False, tried: float | None = None) -> str | None:
    found = premature_end(due, CHANNELS, streamed=streamed, tried=tried, detail="no answer")
    if isinstance(found, notify.MessageNotSent):
        return str(found.reason)
    return found if found is None else "sent"


def test_what_has_somewhere_to_go_has_no_end_yet() -> None:
    assert end(due()) is None
    assert not waits(due(), streamed=False)


def test_what_is_only_written_down_is_sent_and_what_nobody_carries_is_not() -> None:
    assert end(due(channel="ledger")) == "sent"
    assert end(due(channel="zalo")) == NotSentReason.REJECTED


@pytest.mark.parametrize("tried", [None, 0.0, 10 * LIFE])
def test_what_says_nothing_any_more_is_over_for_a_live_city_tried_or_not(
    tried: float | None,
) -> None:
    assert end(due(expires_at=MORNING), tried=tried) == NotSentReason.EXPIRED
    later = MORNING + timedelta(milliseconds=1)
    assert end(due(expires_at=later), tried=tried) is None


@pytest.mark.parametrize("told", [EVENING, MORNING, MORNING + timedelta(days=365)])
@pytest.mark.parametrize(
    ("tried", "reason"),
    [
        (None, None),
        (0.0, None),
        (1.0, None),
        (LIFE - 1.0, None),
        (LIFE, NotSentReason.EXPIRED),
    ],
)
def test_in_a_stream_a_message_lives_in_real_seconds_of_trying_whatever_time_is_told(
    told: datetime, tried: float | None, reason: str | None
) -> None:
    assert end(due(told, expires_at=MORNING), streamed=True, tried=tried) == reason


def test_in_a_stream_the_life_of_what_is_held_begins_when_it_may_be_sent() -> None:
    held = due(send_at=NIGHT, expires_at=MORNING)
    assert end(held, streamed=True, tried=4 * 3600.0 - 1.0) is None
    assert end(held, streamed=True, tried=4 * 3600.0) == NotSentReason.EXPIRED


def test_what_proved_wrong_while_it_was_held_is_not_sent_nor_taken_back() -> None:
    wrong = due(send_at=MORNING, taken_back_at=NIGHT)
    for streamed in (False, True):
        assert end(wrong, streamed=streamed) == NotSentReason.TAKEN_BACK
    dropped = Delivery("m-0", "sms", ended_at=MORNING, not_sent=NotSentReason.TAKEN_BACK)
    assert end(due(takes_back="m-0", notice=dropped)) == NotSentReason.TAKEN_BACK


def test_what_proved_wrong_and_may_have_arrived_is_sent_and_then_taken_back() -> None:
    wrong = {"send_at": MORNING, "taken_back_at": NIGHT}
    assert end(due(**wrong, unsure=True)) is None
    tried = end(due(**wrong), tried=1.0)
    assert tried == NotSentReason.TAKEN_BACK, "nobody has taken it"


def test_what_may_have_arrived_is_taken_back_though_it_was_never_known_to() -> None:
    expired = Delivery("m-0", "sms", ended_at=NIGHT, not_sent=NotSentReason.EXPIRED)
    assert end(due(takes_back="m-0", notice=expired, unsure=True)) is None


def test_a_stream_sends_what_proved_wrong_only_after_it_was_due() -> None:
    late = due(taken_back_at=NIGHT)
    assert end(late, streamed=True) is None
    assert end(late, streamed=False) == NotSentReason.TAKEN_BACK, "a live city still has it"


@pytest.mark.parametrize("stopped", ["taken_back_at", "called_off_at"])
def test_a_stream_has_sent_what_was_stopped_at_the_very_moment_it_was_due(stopped: str) -> None:
    held = due(send_at=MORNING, **{stopped: MORNING})
    assert end(held, streamed=True) is None
    assert end(due(send_at=MORNING, **{stopped: NIGHT}), streamed=True) is not None


def test_what_was_called_off_while_it_was_held_is_not_sent_nor_is_what_takes_it_back() -> None:
    for streamed in (False, True):
        off = due(send_at=MORNING, called_off_at=NIGHT)
        assert end(off, streamed=streamed) == NotSentReason.OPTED_OUT


def test_what_may_have_arrived_when_it_was_called_off_is_told_to_its_end() -> None:
    assert end(due(send_at=MORNING, called_off_at=NIGHT, unsure=True)) is None


def test_a_stream_sends_what_was_called_off_only_after_it_was_due() -> None:
    assert end(due(called_off_at=NIGHT), streamed=True) is None
    tried = end(due(called_off_at=NIGHT), tried=1.0)
    assert tried == NotSentReason.OPTED_OUT, "a live city still has it"


@pytest.mark.parametrize(
    "reason",
    [
        NotSentReason.EXPIRED,
        NotSentReason.REJECTED,
        NotSentReason.NO_CONTACT,
        NotSentReason.ERASED,
        NotSentReason.OPTED_OUT,
    ],
)
def test_what_nobody_was_told_is_not_taken_back(reason: NotSentReason) -> None:
    untold = Delivery("m-0", "sms", ended_at=NIGHT, not_sent=reason)
    assert end(due(takes_back="m-0", notice=untold)) == NotSentReason.TAKEN_BACK
    told = Delivery("m-0", "sms", ended_at=NIGHT, provider="sms")
    assert end(due(takes_back="m-0", notice=told)) is None


def test_what_takes_a_message_back_waits_until_that_one_has_ended() -> None:
    pending = Delivery("m-0", "sms", planned_at=EVENING, send_at=MORNING)
    assert waits(due(takes_back="m-0", notice=pending), streamed=True)
    ended = Delivery("m-0", "sms", planned_at=EVENING, ended_at=MORNING, provider="sms")
    assert not waits(due(takes_back="m-0", notice=ended), streamed=True)
    assert not waits(due(takes_back="m-0"), streamed=True), "it is not known here"


def test_what_is_late_is_not_sent_at_night() -> None:
    quiet: dict[str, Any] = {"quiet_from": "21:00", "quiet_until": "07:00"}
    assert waits(due(NIGHT, **quiet), streamed=False)
    assert not waits(due(NIGHT, **quiet), streamed=True)
    assert not waits(due(NIGHT), streamed=False), "it is urgent"
    assert waits(due(MORNING - timedelta(milliseconds=1), **quiet), streamed=False)
    assert not waits(due(MORNING, **quiet), streamed=False)


def test_what_happened_later_waits_until_the_earlier_one_has_ended() -> None:
    first = Delivery("m-0", "sms", planned_at=EVENING, send_at=MORNING)
    for streamed in (False, True):
        assert waits(due(earlier=(first,)), streamed=streamed)
        assert not waits(due(earlier=(first,)), streamed=streamed, ended={"m-0"})
    second = Delivery("m-00", "sms", planned_at=EVENING, send_at=MORNING)
    both = due(earlier=(first, second))
    assert waits(both, streamed=False, ended={"m-00"}), "the second expired before the first went"


def test_what_sleeps_until_the_morning_holds_up_nothing_that_is_urgent() -> None:
    quiet: dict[str, Any] = {"quiet_from": "21:00", "quiet_until": "07:00"}
    sleeps = Delivery("m-0", "sms", planned_at=EVENING, **quiet)
    assert not waits(due(NIGHT, earlier=(sleeps,)), streamed=False)
    assert waits(due(NIGHT, earlier=(sleeps,), **quiet), streamed=False)
    assert waits(due(MORNING, earlier=(sleeps,)), streamed=False)


def test_what_waits_for_an_earlier_one_comes_to_its_end_all_the_same() -> None:
    first = Delivery("m-0", "sms", planned_at=EVENING)
    assert end(due(earlier=(first,), expires_at=MORNING)) == NotSentReason.EXPIRED
