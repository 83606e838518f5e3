"""One channel: its providers, each at its own pace, and which of them takes what."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from services.notify import metrics
from services.notify.channels.pace import Bucket
from services.notify.channels.provider import (
    Accepted,
    Deferred,
    MaybeTaken,
    Misconfigured,
    NoAddress,
    NotTaken,
    Outgoing,
    Provider,
    Rejected,
)
from services.notify.channels.redact import redacted
from services.notify.channels.switch import Attempt, Switch, SwitchLimits

log = structlog.get_logger("motcua.channel")

_WAITING = 4
"""Messages that may be on their way per connection: one being sent, the others kept ready."""


@dataclass(frozen=True)
class PacedProvider:
    """One provider and how much of it this instance may use."""

    provider: Provider
    connections: int
    """Messages at a time."""
    rate: float
    """Messages a second."""


class Providers:
    """Hands messages off, and remembers how its providers do."""

    def __init__(
        self,
        name: str,
        lines: Sequence[PacedProvider],
        stopping: asyncio.Event,
        *,
        limits: SwitchLimits | None = None,
        judged: bool = True,
        each: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`lines` are in order of preference.

        `judged` is False where the recipients' own machines answer: that says nothing about the
        channel. `each` is the number of messages at a time to one recipient, so that a slow machine
        leaves room for others; None: no limit but `room`.
        """
        self.name = name
        self.names = tuple(line.provider.name for line in lines)
        self.room = sum(line.connections * _WAITING for line in lines)
        """How many messages may be on their way at a time."""
        self.each = self.room if each is None else each
        """How many of them may be to one recipient."""
        self._stopping = stopping
        self._clock = clock
        self._judged = judged
        self._providers = {line.provider.name: line.provider for line in lines}
        self._slots = {line.provider.name: asyncio.Semaphore(line.connections) for line in lines}
        self._buckets = {line.provider.name: Bucket(line.rate, clock()) for line in lines}
        self._switch = Switch(self.names, limits or SwitchLimits())

    @property
    def several(self) -> bool:
        """Whether there is more than one provider to choose from."""
        return len(self.names) > 1

    @property
    def failing(self) -> bool:
        """Whether every provider fails; if so, single messages try them now and then."""
        return all(self._switch.failing(name) for name in self.names)

    def of_receiver(self, error: NotTaken | MaybeTaken) -> bool:
        """Return whether the recipient, not the provider, could not be reached."""
        return isinstance(error, Deferred) or not self._judged

    def keyed(self, name: str) -> bool:
        """Return whether the provider recognises a repetition by its key."""
        return self._providers[name].keyed

    def pick(self, without: frozenset[str] = frozenset()) -> str | None:
        """Return the provider that takes a new message now; None if none should be asked yet."""
        return self._switch.pick(self._clock(), without)

    def opens(self) -> float:
        """Return the seconds until a provider can be asked again; 0.0 if one can now."""
        return self._switch.opens(self._clock())

    async def hand(
        self,
        name: str,
        write: Callable[[], Awaitable[Outgoing]],
        may_go: Callable[[], bool],
        *,
        again: bool = False,
    ) -> Accepted | None:
        """Hand a message off to this provider when it is its turn, and write it only then.

        Ask `may_go` at the last moment; return None if it says no. Raise Rejected, NotTaken or
        MaybeTaken, and what `write` raises.

        `again`: an earlier attempt failed. Another failure may be the message's own fault, so it is
        not counted against the provider. Nor is success counted for it, or a provider that refuses
        most messages once would look as if it took half. But while all fail, any success counts.
        """
        async with self._slots[name]:
            await self._turn(name)
            message = await write()
            if not may_go():
                return None
            start = self._clock()
            outcome: Attempt | None = Attempt.ANSWERED
            said = "accepted"
            try:
                return await self._providers[name].send(message)
            except NoAddress:
                outcome, said = None, "no-address"  # it was not asked
                raise
            except Rejected:
                said = "rejected"
                raise
            except NotTaken as error:
                deferred = isinstance(error, Deferred)
                said = "deferred" if deferred else "not-taken"
                outcome = None if error.retry_after or deferred else Attempt.FAILED
                if error.retry_after and self._judged:
                    # It says when it wants to be asked again: it works, and is not asked till then.
                    self._switch.close(name, self._clock() + error.retry_after)
                if isinstance(error, Misconfigured):
                    said_by_it = redacted(str(error))
                    log.error("a provider does not know us", provider=name, error=said_by_it)
                raise
            except MaybeTaken as error:
                said = "unknown"
                outcome = Attempt.SILENT if error.silent else Attempt.FAILED
                raise
            except BaseException:
                outcome, said = None, "defect"  # ours, not the provider's
                raise
            finally:
                if again and (outcome is Attempt.FAILED or not self.failing):
                    outcome = None
                self._note(name, outcome, said, self._clock() - start)

    async def close(self) -> None:
        """Close all connections."""
        for provider in self._providers.values():
            await provider.close()

    async def _turn(self, name: str) -> None:
        """Wait until the provider's pace allows one more message, or the service stops."""
        if wait := self._buckets[name].take(self._clock()):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), timeout=wait)

    def _note(self, name: str, outcome: Attempt | None, said: str, seconds: float) -> None:
        metrics.SEND.labels(self.name, name).observe(seconds)
        metrics.CALLS.labels(name, said).inc()
        if outcome is None or not self._judged:
            return
        before = self._switch.failing(name)
        self._switch.told(name, outcome, seconds, self._clock())
        after = self._switch.failing(name)
        metrics.FAILING.labels(name).set(after)
        if before != after:
            log.warning("a provider fails" if after else "a provider works again", provider=name)
