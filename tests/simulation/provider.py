"""Providers in memory, and the ledger of what they have accepted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from contracts.events.notify import MessageChannel
from services.notify.channels.provider import Accepted, MaybeTaken, NotTaken, Outgoing
from services.notify.channels.providers import PacedProvider, Providers
from services.notify.channels.settings import ChannelSettings
from tests.simulation.chances import Chances, Fault

_TOGETHER = 8
"""Messages at a time, as in the settings of gateways."""
_RATE = 10_000.0


@dataclass
class Ledger:
    """What was accepted, and how often: it outlives every instance."""

    chances: Chances
    mails: Counter[str] = field(default_factory=Counter)
    sms: Counter[str] = field(default_factory=Counter)
    """A gateway knows a repetition by its key, but nothing of what another has taken."""
    _keys: set[tuple[str, str]] = field(default_factory=set)

    def accept(self, provider: str, message: Outgoing, *, keyed: bool) -> None:
        if not keyed:
            self.mails[message.message_id] += 1
        elif (provider, message.message_id) not in self._keys:
            self._keys.add((provider, message.message_id))
            self.sms[message.message_id] += 1

    def channels(
        self,
    ) -> Callable[[ChannelSettings, asyncio.Event], Mapping[str, Providers]]:
        """What makes an instance's channels: mail by one server, SMS by two gateways."""

        def made(settings: ChannelSettings, stopping: asyncio.Event) -> Mapping[str, Providers]:
            lines = {
                MessageChannel.EMAIL: [_Provider("smtp", self, keyed=False)],
                MessageChannel.SMS: [
                    _Provider("sms", self, keyed=True),
                    _Provider("sms2", self, keyed=True),
                ],
            }
            return {
                name: Providers(
                    name,
                    [PacedProvider(provider, _TOGETHER, _RATE) for provider in providers],
                    stopping,
                    limits=settings.limits(),
                )
                for name, providers in lines.items()
            }

        return made


class _Provider:
    def __init__(self, name: str, ledger: Ledger, *, keyed: bool) -> None:
        self.name = name
        self.keyed = keyed
        self._ledger = ledger

    async def send(self, message: Outgoing) -> Accepted:
        chances = self._ledger.chances
        fault = None
        if not chances.calm:
            await asyncio.sleep(chances.latency())
            fault = chances.of(Fault.GATEWAY_REFUSES, Fault.GATEWAY_UNTOLD)
        if fault is Fault.GATEWAY_REFUSES:
            raise NotTaken("503")
        self._ledger.accept(self.name, message, keyed=self.keyed)
        if fault is Fault.GATEWAY_UNTOLD:
            raise MaybeTaken("the answer was lost", silent=chances.draw.random() < 0.5)
        if not chances.calm:
            await asyncio.sleep(chances.latency())
        return Accepted(self.name, message.message_id)

    async def close(self) -> None:
        """Nothing is connected."""
