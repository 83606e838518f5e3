"""The loop that runs every service: reads batches, works on them round by round, commits.

A round's steps are in `round`, those of timers in `timers`; the shared parts are made here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, Generic

import structlog
from aiokafka import ConsumerRecord

from contracts.events.clock import CLOCK_SUBJECT, ClockTicked
from contracts.wire.codec import BadRecord, decode, type_of
from contracts.wire.topics import dead_letters
from services.runtime import metrics
from services.runtime.core.dead_letter import to_dead_letter
from services.runtime.core.decider import Decider, S
from services.runtime.kafka.producer import EventProducer
from services.runtime.loop.clock import Clock, StreamClock
from services.runtime.loop.collector import collector_paused
from services.runtime.loop.faults import Faults, Point
from services.runtime.loop.ownership import Ownership
from services.runtime.loop.parts import Parts
from services.runtime.loop.progress import Progress
from services.runtime.loop.reporting import Reporting
from services.runtime.loop.retry import Leaving, Retry
from services.runtime.loop.round import Commit, Records, Round
from services.runtime.loop.side_by_side import side_by_side
from services.runtime.loop.states import States
from services.runtime.loop.timers import Timers
from services.runtime.mongo.store import Store
from services.runtime.settings import Settings

log = structlog.get_logger("motcua.engine")

_CLOCK = CLOCK_SUBJECT.encode()
_FEW = 200
"""Up to this number, records of several partitions are decided, published and written together."""


class Engine(Generic[S]):
    """Runs one decider over the partitions that this instance owns."""

    def __init__(
        self,
        decider: Decider[S],
        store: Store[S],
        producer: EventProducer,
        clock: Clock,
        settings: Settings,
        faults: Faults | None = None,
    ) -> None:
        self.decider = decider
        self.store = store
        self.producer = producer
        self.clock = clock
        self.settings = settings
        self.faults = faults or Faults()
        self.progress = Progress(decider.name, decider.topic)
        self.reporting = Reporting(decider.name, settings)
        states = States(decider, store, settings.cache_states)
        self.ownership = Ownership(decider.name, decider.topic, states, self.progress)
        self._retry = Retry(decider.name, settings, self.ownership.leaving)
        parts = Parts(
            decider,
            store,
            producer,
            clock,
            settings,
            self.faults,
            states,
            self.ownership,
            self._retry,
            self.reporting,
        )
        self._round = Round(parts)
        self.timers = Timers(parts, self.progress)

    async def handle(self, records: Records, commit: Commit) -> None:
        """Handle records of owned partitions in their order, and commit their offsets.

        Return when all is written and committed, or when the partitions are taken away. Raise
        Defect, or what a defect raised; then nothing of the batch was committed.
        """
        async with self.ownership.turn() as current:
            if not current:
                return
            records = [r for r in records if r.partition in self.ownership.owned]
            if not records:
                return
            metrics.BATCH.labels(self.decider.name).observe(len(records))
            try:
                with collector_paused():
                    await self._all_partitions(records)
                await self._round.commit(records, commit)
            except Leaving:
                log.info("left a batch to the next owner")
                return
            self.faults.passing(Point.COMMITTED)
            self.progress.handled(records)

    async def _all_partitions(self, records: Records) -> None:
        """Handle each partition's records in their order, and the partitions side by side.

        No subject is in two partitions: while one partition waits for the broker or the database,
        another is decided. A few records are handled as one batch: there, round trips are the cost.
        """
        if len(records) <= _FEW and not any(record.key == _CLOCK for record in records):
            await self._retry.until_done(partial(self._round.attempt, records))
            return
        by_partition: dict[int, list[ConsumerRecord[Any, Any]]] = {}
        for record in records:
            by_partition.setdefault(record.partition, []).append(record)
        await side_by_side(self._one_partition(mine) for mine in by_partition.values())

    async def _one_partition(self, records: Records) -> None:
        for chunk, tick in self._chunks(records):
            if chunk:
                await self._retry.until_done(partial(self._round.attempt, chunk))
            if tick is not None and isinstance(self.clock, StreamClock):
                await self._tick(self.clock, tick)

    def _chunks(
        self, records: Records
    ) -> Iterator[tuple[Records, ConsumerRecord[Any, Any] | None]]:
        """Yield the records up to each tick, with the tick; then the rest, without one."""
        if not isinstance(self.clock, StreamClock):
            yield records, None
            return
        chunk: list[ConsumerRecord[Any, Any]] = []
        for record in records:
            if record.key == _CLOCK and type_of(record.headers) == ClockTicked.TYPE:
                yield chunk, record
                chunk = []
            else:
                chunk.append(record)
        yield chunk, None

    async def _tick(self, clock: StreamClock, record: ConsumerRecord[Any, Any]) -> None:
        """Move the partition's time and fire all timers that have passed by then."""
        name = self.decider.name
        try:
            event = decode(record.key, record.value, record.headers)
        except BadRecord as error:
            metrics.DEAD_LETTERS.labels(name, error.fault).inc()
            log.error("a tick that tells no time", fault=error.fault, detail=error.detail)
            letters = [to_dead_letter(record, error.fault, error.detail, 0, datetime.now(UTC))]
            write = partial(self.producer.write, dead_letters(name), letters)
            await self._retry.until_done(write)
            return
        clock.tick(record.partition, event.time)
        metrics.CLOCK.labels(name).set(event.time.timestamp())
        await self.timers.fire_all(record.partition, clock.now(record.partition))
