"""Delivers security events to those who watch: at least once, in order, from where it stopped."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer

from contracts.wire.topics import CITY_AUDIT
from services.runtime.audit import delivery_metrics as metrics
from services.runtime.audit.audit_log import PLACE
from services.runtime.audit.kinds import AuditKind
from services.runtime.audit.link import Link, NoLink, read_link
from services.runtime.audit.outlets import Outlet
from services.runtime.kafka.clients import AIOKAFKA, Clients
from services.runtime.loop.consumer import group_of
from services.runtime.patience import patiently
from services.runtime.transient import LOST_PARTITIONS

log = structlog.get_logger("motcua.audit")

GROUP = group_of("auditor", CITY_AUDIT)
_AT_ONCE = 500
_FIRST, _MOST = 0.2, 10.0
"""Seconds between two tries: doubling from the one to the other."""

Render = Callable[[Link], bytes]
T = TypeVar("T")


class Delivery:
    """Reads the audit's topic in a consumer group of its own, and commits what was delivered."""

    def __init__(
        self, bootstrap: str, outlet: Outlet, render: Render, clients: Clients = AIOKAFKA
    ) -> None:
        self._bootstrap = bootstrap
        self._outlet = outlet
        self._render = render
        self._clients = clients

    async def run(self) -> None:
        """Deliver until cancelled. Raise what is neither an outage of the log nor of the outlet."""
        consumer = await _patiently(self._joined)
        try:
            while True:
                if records := await _patiently(partial(_records, consumer)):
                    await self._deliver(records)
                    await _patiently(partial(_commit, consumer, records))
                metrics.WAITING_SINCE.set(0)
        finally:
            await consumer.stop()
            await self._outlet.close()

    async def _joined(self) -> AIOKafkaConsumer:
        consumer: AIOKafkaConsumer = self._clients.consumer(
            CITY_AUDIT,
            bootstrap_servers=self._bootstrap,
            group_id=GROUP,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_interval_ms=2**31 - 1,  # an outage of the collector may last for days
        )
        try:
            await consumer.start()
        except BaseException:
            await consumer.stop()
            raise
        return consumer

    async def _deliver(self, records: Sequence[Any]) -> None:
        events = [
            self._render(link) for record in records if (link := self._security_event(record))
        ]
        if not events:
            return
        metrics.WAITING_SINCE.set(records[0].timestamp / 1000)
        pause = _FIRST
        while True:
            try:
                await self._outlet.write(events)
            except (OSError, TimeoutError) as error:
                metrics.FAILED.inc()
                log.warning("security events wait: the collector is away", error=repr(error))
                await asyncio.sleep(pause * random.uniform(0.5, 1))
                pause = min(pause * 2, _MOST)
            else:
                metrics.DELIVERED.inc(len(events))
                return

    def _security_event(self, record: Any) -> Link | None:
        try:
            link = read_link(record.value or b"")
        except NoLink:
            metrics.UNREADABLE.inc()
            return None
        if link.kind is AuditKind.ANCHORED:
            metrics.ANCHORED.set(datetime.fromisoformat(link.time).timestamp())
        elif link.kind is AuditKind.BROKEN:
            metrics.BROKEN.inc(link.times)
        return link if link.kind.is_security else None


async def _records(consumer: AIOKafkaConsumer) -> Sequence[Any]:
    found = await consumer.getmany(timeout_ms=500, max_records=_AT_ONCE)
    records: Sequence[Any] = found.get(PLACE, ())
    return records


async def _commit(consumer: AIOKafkaConsumer, records: Sequence[Any]) -> None:
    try:
        await consumer.commit({PLACE: records[-1].offset + 1})
    except LOST_PARTITIONS as error:
        log.info("another one delivers from here on", reason=repr(error))


async def _patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    return await patiently(attempt, first=_FIRST, most=_MOST, saying="waiting for the log")
