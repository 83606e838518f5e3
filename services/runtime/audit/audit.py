"""Writes a process's chain to the log: whoever tells something may wait until it is there."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog

from contracts.wire.codec import Record
from contracts.wire.topics import CITY_AUDIT
from services.runtime import metrics
from services.runtime.audit.chain_keys import NO_KEY, ChainKey
from services.runtime.audit.kinds import AuditKind
from services.runtime.audit.link import AuditEntry, Chain
from services.runtime.audit.repeats import WINDOW, Repeats
from services.runtime.kafka.producer import EventProducer
from services.runtime.loop.clock import Clock
from services.runtime.patience import patiently

log = structlog.get_logger("motcua.audit")

_AT_ONCE = 500
"""The most links that are written together."""
_MOST_WAITING = 10_000
"""Entries for which nobody waits, kept while the log is away; further ones are only counted."""


class NotAudited(Exception):
    """It was not confirmed in time that the log has the link. The text says what to do."""

    def __init__(self) -> None:
        super().__init__(
            "the audit cannot be written, and without it nothing is shown or changed; ask again "
            "later"
        )


@dataclass(slots=True, eq=False)
class _Wish:
    """An entry that is to be written."""

    entry: AuditEntry
    time: datetime
    written: asyncio.Future[None] | None
    """Done when it is on the log; None if nobody waits for it."""


class Audit:
    """A process's chain on the log.

    One write is under way at a time; what is told meanwhile goes with the next one. Links are made
    when they are written, so that whoever has given up waiting leaves no gap. A write that may have
    failed is repeated with the same bytes: a link may be on the log twice, and none is left out.
    """

    def __init__(
        self,
        service: str,
        producer: EventProducer,
        clock: Clock,
        *,
        key: ChainKey = NO_KEY,
        patience: float = 5.0,
    ) -> None:
        """`clock` is the wall clock, in a replay too; `patience`: seconds that `write` waits."""
        self.chain = Chain(service, key)
        self._service = service
        self._producer = producer
        self._clock = clock
        self._patience = patience
        self._waiting: deque[_Wish] = deque()
        self._batch: list[tuple[_Wish, bytes]] = []
        """What is being written: it may be on the log already."""
        self._since = 0.0
        """Since when, by the machine's monotonic clock."""
        self._told = 0
        """How many of those that wait have nobody waiting for them."""
        self._lost = 0
        self._repeats = Repeats()
        self._wake = asyncio.Event()
        self._opened = False
        for counter in (metrics.AUDIT_REFUSED, metrics.AUDIT_LOST):
            counter.labels(service)  # an increase shows only if 0 was reported before
        for kind in filter(lambda kind: kind.is_security, AuditKind):
            metrics.SECURITY_EVENTS.labels(service, kind)

    async def open(self) -> None:
        """Begin the chain. Raise what aiokafka raises if the log is away."""
        if not self._opened:
            await self._producer.start()
            self._waiting.appendleft(_Wish(AuditEntry(AuditKind.OPENED), self._clock.now(), None))
            self._told += 1
            self._opened = True
            self._wake.set()

    async def write(self, entry: AuditEntry) -> None:
        """Return when it is on the log. Raise NotAudited if that takes too long.

        While others have waited longer than that already, it is raised at once. Of what
        `repeats`, only the first in a minute is waited for: the others are counted.
        """
        now = self._clock.now()
        if self._batch and time.monotonic() - self._since > self._patience:
            metrics.AUDIT_REFUSED.labels(self._service).inc()
            raise NotAudited
        if entry.kind.repeats and not self._repeats.is_first(entry, now):
            return
        wish = _Wish(entry, now, asyncio.get_running_loop().create_future())
        assert wish.written is not None
        self._waiting.append(wish)
        self._wake.set()
        try:
            async with asyncio.timeout(self._patience):
                await asyncio.shield(wish.written)
        except TimeoutError:
            wish.written.cancel()
            self._repeats.forget(entry)
            metrics.AUDIT_REFUSED.labels(self._service).inc()
            raise NotAudited from None

    def tell(self, entry: AuditEntry) -> None:
        """Have it written soon, without waiting.

        If so much waits already that it cannot be kept, it is counted, and the chain says so.
        """
        now = self._clock.now()
        if entry.kind.repeats and not self._repeats.is_first(entry, now):
            return
        self._keep(entry, now)

    async def run(self) -> None:
        """Write what is told, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(WINDOW.total_seconds()):
                    await self._wake.wait()
            except TimeoutError:
                pass  # what happened again in the last minute is due
            await self._write_waiting()

    async def close(self) -> None:
        """Write what is left, and the chain's last link; give up if the log is away."""
        if self._opened:
            for entry in (
                *self._repeats.due(self._clock.now(), ends=True),
                AuditEntry(AuditKind.CLOSED),
            ):
                self._keep(entry, self._clock.now())
            try:
                async with asyncio.timeout(self._patience):
                    await self._write_waiting()
            except TimeoutError:
                log.warning("the log is away: the chain has no last link", chain=self.chain.id)
        await self._producer.stop()

    def _keep(self, entry: AuditEntry, now: datetime) -> None:
        if self._told >= _MOST_WAITING:
            self._lost += 1
            metrics.AUDIT_LOST.labels(self._service).inc()
            return
        self._told += 1
        self._waiting.append(_Wish(entry, now, None))
        self._wake.set()

    async def _write_waiting(self) -> None:
        self._wake.clear()
        now = self._clock.now()
        for entry in self._repeats.due(now):
            self._keep(entry, now)
        key = self.chain.id.encode()
        while True:
            # A batch whose write was broken off comes again first, byte for byte.
            self._batch = self._batch or [
                (w, self.chain.next(w.entry, w.time)) for w in self._next()
            ]
            if not self._batch:
                return
            self._since = time.monotonic()
            records = [Record(key, link, ()) for _, link in self._batch]
            await patiently(
                partial(self._producer.write, CITY_AUDIT, records),
                saying="the audit waits for the log",
            )
            for wish, _ in self._batch:
                kind = wish.entry.kind
                metrics.AUDIT_LINKS.labels(self._service, kind).inc()
                if kind.is_security:
                    metrics.SECURITY_EVENTS.labels(self._service, kind).inc(wish.entry.times)
                if wish.written is not None and not wish.written.done():
                    wish.written.set_result(None)
            self._batch = []

    def _next(self) -> list[_Wish]:
        """Return what is written next; whoever has given up is left out."""
        batch: list[_Wish] = []
        if self._lost and self._told < _MOST_WAITING:
            lost, self._lost = self._lost, 0
            batch.append(_Wish(AuditEntry(AuditKind.LOST, times=lost), self._clock.now(), None))
        while self._waiting and len(batch) < _AT_ONCE:
            wish = self._waiting.popleft()
            if wish.written is None:
                self._told -= 1
            elif wish.written.done():
                continue
            batch.append(wish)
        return batch


@asynccontextmanager
async def audited(audit: Audit) -> AsyncIterator[Audit]:
    """Open a command's chain, and close it at the end. Raise what aiokafka raises if it cannot."""
    await audit.open()
    writing = asyncio.create_task(audit.run(), name="audit")
    try:
        yield audit
    finally:
        writing.cancel()
        await asyncio.wait({writing})
        await audit.close()
