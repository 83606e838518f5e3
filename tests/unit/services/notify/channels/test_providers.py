"""A channel and its providers: over real sockets, by a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from deploy.local.fakes.gateway.http import Request, Response, answer
from services.notify.channels.gateway import Gateway, SmsProvider
from services.notify.channels.provider import (
    Accepted,
    MaybeTaken,
    NoAddress,
    NotTaken,
    Outgoing,
    Rejected,
)
from services.notify.channels.providers import PacedProvider, Providers
from services.notify.channels.switch import SwitchLimits
from services.notify.wording.renderer import RenderedMessage
from tests.support.heard import Heard

TEXT = RenderedMessage("Tiêu đề", "Nội dung\n", "Hồ sơ đã tiếp nhận.", "1")


def outgoing(to: str = "0903 123 456") -> Outgoing:
    return Outgoing("m-1", "H29.15-240307-0001", to, TEXT)


@dataclass
class Setting:
    """Two gateways that are one channel."""

    first: Heard
    second: Heard
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    now: float = 0.0

    def channel(self, *, rate: float = 1000.0, connections: int = 4) -> Providers:
        lines = [
            PacedProvider(
                SmsProvider(Gateway(name, heard.url, "t", timeout=2.0), plain=False, most_parts=3),
                connections,
                rate,
            )
            for name, heard in (("sms", self.first), ("sms2", self.second))
        ]
        limits = SwitchLimits(in_a_row=3, rest=10.0)
        return Providers("sms", lines, self.stopping, limits=limits, clock=lambda: self.now)


@pytest.fixture
async def setting() -> AsyncIterator[Setting]:
    found = Setting(Heard(), Heard())
    await found.first.server.start()
    await found.second.server.start()
    yield found
    found.first.server.close()
    found.second.server.close()


async def hand(
    channel: Providers,
    name: str = "sms",
    to: str = "0903 123 456",
    may_go: Callable[[], bool] = lambda: True,
) -> Accepted | None:
    async def write() -> Outgoing:
        return outgoing(to)

    return await channel.hand(name, write, may_go)


async def test_a_provider_that_fails_is_left_and_a_bad_number_says_nothing_of_it(
    setting: Setting,
) -> None:
    channel = setting.channel()
    setting.first.server.close()
    for _ in range(3):
        assert channel.pick() == "sms"
        with pytest.raises(NotTaken):
            await hand(channel)
    assert channel.pick() == "sms2"
    setting.now = 10.0
    assert channel.pick() == "sms", "one message tries it again"
    with pytest.raises(NoAddress):
        await hand(channel, to="nobody")
    assert channel.pick() == "sms2", "which was not even asked"
    await setting.first.server.start()
    setting.now = 20.0
    assert channel.pick() == "sms"
    assert await hand(channel) == Accepted("sms", "gw-1", 2)
    assert channel.pick() == "sms"
    await channel.close()


async def test_a_gateway_s_no_is_an_answer(setting: Setting) -> None:
    async def refuses(_: Request) -> Response | None:
        return answer(422, {"error": "invalid-number"})

    setting.first.says = refuses
    channel = setting.channel()
    for _ in range(9):
        with pytest.raises(Rejected):
            await hand(channel)
    assert channel.pick() == "sms"
    await channel.close()


async def test_who_names_a_time_is_not_asked_before_it(setting: Setting) -> None:
    async def later(_: Request) -> Response | None:
        return answer(429, {}, Retry_After="30")

    setting.first.says = later
    channel = setting.channel()
    with pytest.raises(NotTaken):
        await hand(channel)
    assert channel.pick() == "sms2"
    assert channel.opens() == 0.0
    setting.second.says = later
    with pytest.raises(NotTaken):
        await hand(channel, "sms2")
    assert channel.pick() is None
    assert channel.opens() == 30.0
    setting.now = 30.0
    assert channel.pick() == "sms"
    await channel.close()


async def test_broken_connections_are_failures(setting: Setting) -> None:
    async def hangs_up(_: Request) -> Response | None:
        return None

    setting.first.says = hangs_up
    channel = setting.channel()
    for _ in range(3):
        with pytest.raises(MaybeTaken):
            await hand(channel)
    assert channel.pick() == "sms2"
    await channel.close()


async def test_no_more_messages_are_on_their_way_than_there_are_connections(
    setting: Setting,
) -> None:
    at_once = most = 0
    all_there = asyncio.Event()

    async def counts(_: Request) -> Response | None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        if at_once == 2:
            all_there.set()
        await all_there.wait()
        await asyncio.sleep(0)
        at_once -= 1
        return answer(202, {"id": "gw"})

    setting.first.says = counts
    channel = setting.channel(connections=2)
    await asyncio.gather(*(hand(channel) for _ in range(10)))
    assert most == 2
    assert len(setting.first.requests) == 10
    await channel.close()


async def test_who_may_not_go_any_more_is_not_sent(setting: Setting) -> None:
    channel = setting.channel()
    assert await hand(channel, may_go=lambda: False) is None
    assert setting.first.requests == []
    await channel.close()


async def test_whoever_waits_for_the_pace_is_let_go_when_the_service_ends(
    setting: Setting,
) -> None:
    channel = setting.channel(rate=0.001)
    await hand(channel)
    waiting = asyncio.create_task(hand(channel, may_go=lambda: not setting.stopping.is_set()))
    await asyncio.sleep(0)
    setting.stopping.set()
    assert await waiting is None
    assert len(setting.first.requests) == 1
    await channel.close()
