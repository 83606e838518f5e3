"""The messages that could not be sent yet, and when each is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from random import Random

import structlog

from services.notify import metrics
from services.notify.channels.pace import BackOff
from services.notify.channels.redact import redacted
from services.notify.delivery.delivery import Delivery

log = structlog.get_logger("motcua.sender")

_FIRST, _MOST = 0.5, 60.0
"""Seconds that a message is put off after its first failure, and after many."""
_REPEATED_FIRST, _REPEATED_MOST, _REPEATED_GROWS = 5.0, 3600.0, 4.0
"""The same, at least, if each try may put one more message into somebody's mailbox."""
_UNREACHED_MOST = 900.0
"""The most seconds if the recipient cannot be reached."""
_HOLDS_UP = 3600.0
"""Seconds after its first failure during which later messages wait for a message. After that the
fault is the message's own, or only one provider may have it and that one is away: nobody should
miss a demand's last day for the sake of order."""


@dataclass
class _Try:
    channel: str
    after: float = 0.0
    failures: int = 0
    detail: str | None = None
    first_failed: float = 0.0
    holds_up_until: float = 0.0


class Retries:
    """Kept in memory: after a take-over it starts empty. Times are of the process's own clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._retries: dict[str, _Try] = {}
        self._clock = clock
        self._back_off = BackOff(_FIRST, _MOST, Random())

    def waits(self, message_id: str, now: float) -> bool:
        """Return whether the message's next try is still to come."""
        return (known := self._retries.get(message_id)) is not None and known.after > now

    def failures(self, message_id: str) -> int:
        """Return how often the message was tried in vain."""
        return known.failures if (known := self._retries.get(message_id)) else 0

    def tried(self, message_id: str, now: float) -> float | None:
        """Return the seconds since the message's first vain try; None if there was none."""
        known = self._retries.get(message_id)
        return now - known.first_failed if known is not None and known.failures else None

    def lets_by(self, message_id: str, now: float) -> bool:
        """Return whether later messages need not wait for this one: it was tried in vain too
        long."""
        known = self._retries.get(message_id)
        return known is not None and known.failures > 0 and known.holds_up_until <= now

    def detail(self, message_id: str) -> str | None:
        """Return what came of the last try; None if there was none."""
        known = self._retries.get(message_id)
        return known.detail if known else None

    def put_off(
        self,
        message: Delivery,
        detail: str,
        at_least: float = 0.0,
        *,
        repeats: bool = False,
        stuck: bool = False,
        unreached: bool = False,
    ) -> None:
        """Note a vain try: the next one is later each time.

        `repeats`: it may have arrived all the same, and would arrive again. `stuck`: neither a
        provider nor broker or database failed. `unreached`: the recipient could not be reached.
        """
        known = self._retries.setdefault(message.message_id, _Try(message.channel))
        now = self._clock()
        if known.failures == 0:
            known.first_failed = now
            known.holds_up_until = now + _HOLDS_UP
        if stuck:
            known.holds_up_until = now
        known.failures += 1
        known.detail = redacted(detail)
        if repeats or unreached:
            grown = _REPEATED_FIRST * _REPEATED_GROWS ** min(known.failures - 1, 10)
            most = _REPEATED_MOST if repeats else _UNREACHED_MOST
            at_least = max(at_least, min(grown, most))
        known.after = now + self._back_off.after(known.failures, at_least)
        metrics.RETRIED.labels(message.channel, "recipient" if unreached else "other").inc()
        log.warning("not sent yet", message_id=message.message_id, error=known.detail)

    def hold(self, message: Delivery, seconds: float = _FIRST) -> None:
        """Put the message off because no provider could be asked: that is no failure of its own."""
        known = self._retries.setdefault(message.message_id, _Try(message.channel))
        known.after = self._clock() + seconds

    def clear(self) -> None:
        """Forget everything: nothing is to be sent here."""
        self._retries.clear()

    def keep(self, channel: str, message_ids: Collection[str]) -> None:
        """Forget the channel's messages except these, which are still to be sent here."""
        self._retries = {
            key: known
            for key, known in self._retries.items()
            if known.channel != channel or key in message_ids
        }
