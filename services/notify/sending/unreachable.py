"""Recipients who cannot be reached now, though their provider works.

With a full mailbox, an unknown domain, or a webhook receiver that is down, it is the recipient who
rests, for longer the longer it lasts. Their messages wait without being tried one by one, and take
nobody else's place.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from random import Random

from services.notify.contacts.telling import Recipient

_FIRST, _MOST = 5.0, 900.0
"""The least seconds that a recipient rests, after the first failure and after many. Up to as much
again is added at random: those who failed together do not come back together."""


@dataclass
class _Rest:
    until: float
    failures: int = 1


class UnreachableRecipients:
    """Kept in memory: after a take-over it starts empty. Times are of the process's own clock."""

    def __init__(self) -> None:
        self._resting: dict[Recipient, _Rest] = {}
        self._draw = Random()

    def rests(self, receiver: Recipient, now: float) -> bool:
        """Return whether the recipient still rests, so that nothing is tried."""
        return (known := self._resting.get(receiver)) is not None and known.until > now

    def doubted(self, receiver: Recipient) -> bool:
        """Return whether the recipient could not be reached last time: one message tries."""
        return receiver in self._resting

    def failed(self, receiver: Recipient, now: float, at_least: float = 0.0) -> None:
        """Note that they could not be reached; failures during a rest do not count."""
        known = self._resting.get(receiver)
        if known is not None and known.until > now:
            return
        failures = 1 if known is None else known.failures + 1
        rest = max(at_least, min(_MOST, _FIRST * 2.0 ** min(failures - 1, 30)))
        self._resting[receiver] = _Rest(now + rest * self._draw.uniform(1.0, 2.0), failures)

    def reached(self, receiver: Recipient) -> None:
        """Note that they took something."""
        self._resting.pop(receiver, None)

    def unreached(self, channel: str) -> int:
        """Return how many could not be reached when it was last tried."""
        return sum(receiver.channel == channel for receiver in self._resting)

    def clear(self) -> None:
        """Forget everyone: nothing is to be sent here."""
        self._resting.clear()

    def keep(self, channel: str, unreachable: Collection[Recipient]) -> None:
        """Forget the channel's recipients except these, for whom messages still wait here."""
        self._resting = {
            receiver: rest
            for receiver, rest in self._resting.items()
            if receiver.channel != channel or receiver in unreachable
        }
