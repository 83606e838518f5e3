"""Recipients who cannot be reached just now, though whoever carries to them works.

A full mailbox, a domain that nobody knows, a receiver of webhooks that is down: it is they who
rest, each for longer the longer it lasts. What is for them waits without being tried, message by
message, and takes nobody else's place.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from random import Random

from contracts.events.notify import MessageChannel
from services.notify.delivery.delivery import Delivery

Recipient = tuple[str, MessageChannel]
"""Who is told (a citizen, an officer), and by what."""

_FIRST, _MOST = 5.0, 900.0
"""Seconds that a recipient rests at the least, after the first failure and after many. By as much
again, at random: who failed together does not come back together."""


@dataclass
class _Rest:
    until: float
    failures: int = 1


class UnreachableRecipients:
    """Kept in memory: whoever takes over begins anew. Times are of the process's own clock."""

    def __init__(self) -> None:
        self._resting: dict[Recipient, _Rest] = {}
        self._draw = Random()

    def rests(self, receiver: Recipient, now: float) -> bool:
        """Whether nothing is tried with this recipient yet."""
        return (known := self._resting.get(receiver)) is not None and known.until > now

    def doubted(self, receiver: Recipient) -> bool:
        """Whether the last that was heard is that they could not be reached: one message tries."""
        return receiver in self._resting

    def failed(self, receiver: Recipient, now: float, at_least: float = 0.0) -> None:
        """They could not be reached; what was under way at the same time says nothing new."""
        known = self._resting.get(receiver)
        if known is not None and known.until > now:
            return
        failures = 1 if known is None else known.failures + 1
        rest = max(at_least, min(_MOST, _FIRST * 2.0 ** min(failures - 1, 30)))
        self._resting[receiver] = _Rest(now + rest * self._draw.uniform(1.0, 2.0), failures)

    def reached(self, receiver: Recipient) -> None:
        """They took something."""
        self._resting.pop(receiver, None)

    def unreached(self, channel: str) -> int:
        """How many could not be reached when it was last tried."""
        return sum(receiver[1] == channel for receiver in self._resting)

    def clear(self) -> None:
        """Nothing is to be sent here."""
        self._resting.clear()

    def keep(self, channel: str, unreachable: Collection[Recipient]) -> None:
        """On this channel, only for these there is still something to be sent here."""
        self._resting = {
            receiver: rest
            for receiver, rest in self._resting.items()
            if receiver[1] != channel or receiver in unreachable
        }


def recipient_of(message: Delivery) -> Recipient:
    """Who is told by a message, and by what."""
    assert message.recipient is not None
    return message.recipient, MessageChannel(message.channel)
