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
"""For each message that a provider is working on so many more are kept ready."""


@dataclass(frozen=True)
class PacedProvider:
    """One provider and how much of it may be used by this instance."""

    provider: Provider
    connections: int
    """So many messages at a time."""
    rate: float
    """So many messages a second."""


class Providers:
    """Hands messages over, and remembers how its providers do."""

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
        """The lines are in the order in which they are preferred.

        `judged` is False where the answers come from the recipients' own machines: they say
        nothing of the channel. `each`: so many messages at a time to one recipient, so that one
        whose machine is slow leaves room for the others; None: as many as there are.
        """
        self.name = name
        self.names = tuple(line.provider.name for line in lines)
        self.room = sum(line.connections * _WAITING for line in lines)
        """How many messages may be on their way at a time."""
        self.each = self.room if each is None else each
        """And how many of them to one recipient."""
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
        """Whether every provider fails: then one message finds out now and then."""
        return all(self._switch.failing(name) for name in self.names)

    def of_receiver(self, error: NotTaken | MaybeTaken) -> bool:
        """Whether it is the recipient who could not be reached, and not the provider."""
        return isinstance(error, Deferred) or not self._judged

    def keyed(self, name: str) -> bool:
        """Whether the provider knows a repetition by its key."""
        return self._providers[name].keyed

    def pick(self, without: frozenset[str] = frozenset()) -> str | None:
        """Which provider takes a new message now; None if none should be asked at the moment."""
        return self._switch.pick(self._clock(), without)

    def opens(self) -> float:
        """Seconds until a provider can be asked again; 0.0 if one can now."""
        return self._switch.opens(self._clock())

    async def hand(
        self,
        name: str,
        write: Callable[[], Awaitable[Outgoing]],
        may_go: Callable[[], bool],
        *,
        again: bool = False,
    ) -> Accepted | None:
        """Hands a message to this provider when it is its turn: only then it is written.

        Asks `may_go` at the last moment; returns None if it may not any more. Raises Rejected,
        NotTaken or Unknown, and what `write` raises.

        `again`: it was tried in vain before. That it is refused once more may be for what it is,
        and says nothing new of the provider. Nor does it, then, that it is taken at last: or a
        provider that refuses most messages once would look as if it took half. But while all
        fail, any yes is news.
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
        """Drops all connections."""
        for provider in self._providers.values():
            await provider.close()

    async def _turn(self, name: str) -> None:
        """Waits for the provider's pace to allow one more message; not when the service ends."""
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
