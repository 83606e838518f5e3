"""Which due messages are started: nobody's bad address, and no dead receiver, holds up the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median
from typing import Any

import pytest

from contracts.events.notify import MessageChannel, MessageNotSent, NotSentReason
from services.notify.channels.provider import Accepted, MaybeTaken, Outgoing
from services.notify.channels.providers import PacedProvider, Providers
from services.notify.channels.switch import SwitchLimits
from services.notify.contacts.telling import Recipient
from services.notify.delivery.delivery import Delivery
from services.notify.delivery.recipient import recipient_of
from services.notify.sending.outbox import DueMessage
from services.notify.sending.retries import Retries
from services.notify.sending.selection import Selection, SendingState
from services.notify.sending.unreachable import UnreachableRecipients
from services.notify.wording.renderer import RenderedMessage
from services.shared.person import citizen

NOW = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)


class Carrier:
    """Takes everything but what it cannot make sense of."""

    name, keyed = "sms", True

    def __init__(self) -> None:
        self.taken: list[str] = []

    async def send(self, message: Outgoing) -> Accepted:
        if message.message_id.startswith("bad"):
            raise MaybeTaken("says neither yes nor no: 500")
        self.taken.append(message.message_id)
        return Accepted(self.name)

    async def close(self) -> None:
        pass


class Setting:
    """One channel, by a clock that the test moves."""

    def __init__(self, *, each: int | None = None, streamed: bool = False) -> None:
        self.now = 1000.0
        self.carrier = Carrier()
        self.channel = Providers(
            "sms",
            [PacedProvider(self.carrier, 4, 1e9)],
            asyncio.Event(),
            limits=SwitchLimits(),
            each=each,
            clock=lambda: self.now,
        )
        self.retries = Retries(lambda: self.now)
        self.unreachable = UnreachableRecipients()
        self.ended: set[str] = set()
        self.known = SendingState(
            {"sms": self.channel},
            self.retries,
            self.unreachable,
            lambda message: message.message_id in self.ended,
            streamed=streamed,
            draw=Random(1),
        )

    def look(
        self, due: Iterable[DueMessage], room: int | None = 16, under_way: Iterable[Delivery] = ()
    ) -> Selection:
        look = Selection(self.known, self.channel, room, list(under_way), self.now)
        for each in due:
            if look.enough(each):
                break
        return look

    def failures(self, due: DueMessage) -> int:
        return self.retries.failures(due.message.message_id)

    async def hands(self, due: DueMessage) -> None:
        """As the courier does, as far as it matters here."""
        message_id = due.message.message_id

        async def write() -> Outgoing:
            return Outgoing(message_id, due.dossier, "0903", RenderedMessage("", "", "", "1"))

        try:
            await self.channel.hand("sms", write, lambda: True, again=self.failures(due) > 0)
            self.ended.add(message_id)
        except MaybeTaken as error:
            self.retries.put_off(due.message, str(error))

    async def fails(self) -> None:
        """Until the provider is left alone, and then until it may be asked again."""
        for number in range(5):
            await self.hands(due(f"bad-before-{number}"))
        self.now += self.channel.opens()
        assert self.channel.failing


def due(
    message_id: str, citizen: str | None = None, earlier: tuple[Delivery, ...] = (), **more: Any
) -> DueMessage:
    message = Delivery(
        message_id,
        "sms",
        planned_at=NOW,
        recipient=message_id if citizen is None else citizen,
        template="withdrawn",
        **more,
    )
    return DueMessage("H29.1-260302-0001", 0, NOW, message, earlier=earlier)


def ids(dues: Iterable[DueMessage]) -> list[str]:
    return [each.message.message_id for each in dues]


# -- a provider that fails ------------------------------------------------------------------


async def test_a_failing_provider_is_tried_by_what_it_has_not_refused_yet() -> None:
    setting = Setting()
    await setting.fails()
    old = [due(f"bad-{number}") for number in range(40)]
    for each in old:
        setting.retries.put_off(each.message, "500")
    setting.now += 60.0
    asked = [setting.look([*old, due("fresh"), due("next")]).starts for _ in range(50)]
    assert {tuple(ids(starts)) for starts in asked} == {("fresh",), ("next",)}


async def test_of_what_it_has_refused_it_is_tried_by_what_it_refused_least() -> None:
    setting = Setting()
    await setting.fails()
    old = [due(f"bad-{number}") for number in range(5)]
    for each, failures in zip(old, (3, 2, 1, 2, 4), strict=True):
        for _ in range(failures):
            setting.retries.put_off(each.message, "500")
    setting.now += 60.0
    assert ids(setting.look(old).starts) == ["bad-2"]


@pytest.mark.parametrize("bad", [6, 30, 200])
async def test_messages_that_a_provider_always_refuses_keep_it_from_no_other(bad: int) -> None:
    setting = Setting()
    await setting.fails()
    poison = [due(f"bad-{number}") for number in range(bad)]
    healthy: list[DueMessage] = []
    planned: dict[str, float] = {}
    waited: list[float] = []
    for second in range(1800):
        fresh = due(f"good-{second}")
        healthy.append(fresh)
        planned[f"good-{second}"] = setting.now
        if setting.channel.opens() <= 0:
            waiting = [d for d in healthy if d.message.message_id not in setting.ended]
            look = setting.look([*poison, *waiting])
            for each in sorted(look.starts, key=setting.failures):
                if setting.channel.pick() is None:
                    break
                await setting.hands(each)
        waited += [
            setting.now - planned.pop(key) for key in setting.carrier.taken if key in planned
        ]
        setting.now += 1.0
    assert len(waited) >= 1795, "but perhaps for the last, all are told"
    assert median(waited) == 0.0


# -- a recipient who cannot be reached -------------------------------------------------------


def test_what_is_for_a_recipient_who_rests_waits_and_nothing_else_does() -> None:
    setting = Setting()
    dead = [due(f"dead-{number}", "dead") for number in range(400)]
    setting.unreachable.failed(recipient_of(dead[0].message), setting.now)
    look = setting.look([*dead, due("well")])
    assert (ids(look.starts), look.waiting, look.follows) == (["well"], 400, False)
    setting.now += 10.0
    look = setting.look([*dead, due("well")])
    assert len(look.starts) == 2, "one finds out"
    assert ids(look.starts)[1] == "well"
    assert look.follows, "and if it is taken, the others can be started"


async def test_a_message_that_a_recipient_always_refuses_keeps_no_other_from_them() -> None:
    setting = Setting()
    bad = due("bad-0", "shop")
    good = [due(f"good-{number}", "shop") for number in range(50)]
    receiver = recipient_of(bad.message)
    setting.unreachable.failed(receiver, setting.now)
    for _ in range(3600):
        for each in setting.look([bad, *good]).starts:
            if (message := each.message) is bad.message:
                setting.unreachable.failed(receiver, setting.now)
                setting.retries.put_off(message, "404", unreached=True)
            else:
                setting.unreachable.reached(receiver)
                setting.ended.add(message.message_id)
        setting.now += 1.0
    assert len(setting.ended) == 50


def test_a_recipient_in_doubt_is_tried_by_what_they_refused_least() -> None:
    setting = Setting()
    refused = [due(f"bad-{number}", "shop") for number in range(5)]
    for each in refused:
        setting.retries.put_off(each.message, "404")
    setting.unreachable.failed(recipient_of(refused[0].message), setting.now)
    setting.now += 100.0
    fresh = [due("new", "shop"), due("newer", "shop")]
    tried = {tuple(ids(setting.look([*refused, *fresh]).starts)) for _ in range(50)}
    assert tried == {("new",), ("newer",)}


def test_what_is_ended_is_ended_once_though_it_is_shown_twice() -> None:
    setting = Setting()
    late = due("late", expires_at=NOW - timedelta(hours=1))
    assert len(setting.look([late, due("other"), late]).ends) == 1


def test_one_recipient_takes_no_more_than_their_share_of_the_room() -> None:
    setting = Setting(each=2)
    under_way = [due("going", "slow").message]
    many = [due(f"slow-{number}", "slow") for number in range(20)]
    look = setting.look([*many, due("well"), due("too")], under_way=under_way)
    assert ids(look.starts) == ["slow-0", "well", "too"]
    assert look.follows, "as soon as one is answered the next can be started"
    assert look.unreachable == {
        Recipient(citizen(who), MessageChannel.SMS) for who in ("slow", "well", "too")
    }


# -- the room, the turn, the end -------------------------------------------------------------


def test_no_more_is_started_than_there_is_room_for() -> None:
    setting = Setting()
    look = setting.look([due(f"m-{number}") for number in range(20)], room=3)
    assert ids(look.starts) == ["m-0", "m-1", "m-2"]
    assert len(look.seen) == 3, "nothing is looked at that cannot be started"


def test_what_is_sent_or_being_sent_is_not_started_again() -> None:
    setting = Setting()
    setting.ended.add("told")
    look = setting.look([due("told"), due("going"), due("new")], under_way=[due("going").message])
    assert (ids(look.starts), look.waiting) == (["new"], 0)


def test_what_follows_a_message_that_is_on_its_way_waits_for_it() -> None:
    setting = Setting()
    first = due("first", "c")
    look = setting.look([first, due("second", "c", earlier=(first.message,))])
    assert (ids(look.starts), look.waiting, look.follows) == (["first"], 1, True)
    setting.retries.put_off(first.message, "not now")
    look = setting.look([first, due("second", "c", earlier=(first.message,))])
    assert (ids(look.starts), look.waiting, look.follows) == ([], 2, False)


def test_what_says_nothing_any_more_ends_and_of_a_backlog_a_part_at_a_time() -> None:
    setting = Setting()
    late = [due(f"m-{n}", expires_at=NOW - timedelta(hours=1)) for n in range(500)]
    look = setting.look([*late, due("new")])
    assert len(look.ends) == 200
    assert not look.starts
    assert {e.reason for _, e in look.ends if isinstance(e, MessageNotSent)} == {
        NotSentReason.EXPIRED
    }


async def test_what_failed_while_a_provider_was_away_for_a_second_goes_though_a_stream_ran_on() -> (
    None
):
    setting = Setting(streamed=True)
    soon = due("bad-1", expires_at=NOW + timedelta(minutes=90))
    await setting.hands(soon)
    assert setting.failures(soon) == 1
    setting.now += 2.0
    ran_on = replace(soon, now=NOW + timedelta(days=2))
    look = setting.look([ran_on])
    assert (ids(look.starts), look.ends) == (["bad-1"], [])


async def test_for_a_provider_that_stays_away_a_stream_waits_no_longer_than_a_message_lives() -> (
    None
):
    setting = Setting(streamed=True)
    soon = due("bad-1", expires_at=NOW + timedelta(minutes=90))
    for minute in range(89):
        await setting.hands(soon)
        setting.now += 60.0
        assert not setting.look([soon], room=None).ends, minute
    setting.now += 60.0
    ((ended, end),) = setting.look([soon], room=None).ends
    assert ended is soon
    assert isinstance(end, MessageNotSent)
    assert end.reason is NotSentReason.EXPIRED
    assert end.detail == "says neither yes nor no: 500"


def test_while_nobody_can_be_asked_only_the_first_of_a_backlog_are_looked_at() -> None:
    setting = Setting()
    look = setting.look([due(f"m-{number}") for number in range(500)], room=None)
    assert (look.starts, look.waiting, len(look.seen)) == ([], 200, 200)
