"""The loop that runs every service: reads batches, works on them round by round, commits.

A round's steps are in `round`, those of timers in `timers`; the shared parts are made here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Generic

import structlog
from aiokafka import ConsumerRecord, TopicPartition

from contracts.events.authority import AuthorityFact
from contracts.events.clock import CLOCK_SUBJECT, ClockTicked
from contracts.events.rules import RulesEnacted
from contracts.events.world import WORLD_KEYS, changes_world
from contracts.wire.codec import BadRecord, Fault, Record, decode, type_of
from contracts.wire.envelope import Event
from contracts.wire.mac import Doubt
from contracts.wire.topics import dead_letters
from services.runtime import metrics
from services.runtime.core.dead_letter import (
    closing_record,
    place_of,
    redrive_of,
    to_dead_letter,
)
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
from services.runtime.loop.round import Commit, Records, Round, ends_of
from services.runtime.loop.side_by_side import side_by_side
from services.runtime.loop.states import States
from services.runtime.loop.timers import Timers
from services.runtime.loop.worlds import Worlds
from services.runtime.mongo.partitions import Partitions
from services.runtime.mongo.said import Said
from services.runtime.mongo.store import Store
from services.runtime.record_keys import record_keys
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
        partitions: Partitions,
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
        self._states = states = States(decider, store, settings.cache_states)
        self.worlds = Worlds(decider.name, decider.topic, partitions)
        self.ownership = Ownership(decider.name, decider.topic, states, self.worlds, self.progress)
        self.said = Said(partitions.database, decider.topic, decider.collection)
        self._keys = record_keys(settings)
        self._retry = Retry(decider.name, settings, self.ownership.leaving)
        parts = Parts(
            decider,
            store,
            producer,
            clock,
            settings,
            self.faults,
            states,
            self.worlds,
            self.ownership,
            self._retry,
            self.reporting,
            self.said,
            self._keys,
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
                await self._round.commit(ends_of(records), commit)
            except Leaving:
                log.info("left a batch to the next owner")
                return
            self.faults.passing(Point.COMMITTED)
            self.progress.handled(records)

    async def passed(self, ends: Mapping[int, int], commit: Commit) -> None:
        """Commit these offsets of owned partitions, before which no record is left to handle."""
        async with self.ownership.turn() as current:
            mine = {p: end for p, end in ends.items() if p in self.ownership.owned}
            if not current or not mine:
                return
            try:
                await self._round.commit(
                    {TopicPartition(self.decider.topic, p): end for p, end in mine.items()}, commit
                )
            except Leaving:
                return
            self.progress.passed(mine)

    async def _all_partitions(self, records: Records) -> None:
        """Handle each partition's records in their order, and the partitions side by side.

        No subject is in two partitions: while one partition waits for the broker or the database,
        another is decided. A few records are handled as one batch: there, round trips are the cost.
        """
        if len(records) <= _FEW and not any(_is_broadcast(record) for record in records):
            await self._retry.until_done(partial(self._round.attempt, records))
            return
        by_partition: dict[int, list[ConsumerRecord[Any, Any]]] = {}
        for record in records:
            by_partition.setdefault(record.partition, []).append(record)
        await side_by_side(self._one_partition(mine) for mine in by_partition.values())

    async def _one_partition(self, records: Records) -> None:
        for chunk, broadcast in _chunks(records):
            if chunk:
                await self._retry.until_done(partial(self._round.attempt, chunk))
            if broadcast is not None:
                await self._broadcast(broadcast)

    async def _broadcast(self, record: ConsumerRecord[Any, Any]) -> None:
        """Change what the partition's next decisions depend on: its time, or its world."""
        put_back, letter_id = redrive_of(record.headers) or (None, "")
        if put_back is not None and put_back.service != self.decider.name:
            return
        if put_back is not None and self._is_not_ordered(record):
            return
        if put_back is not None and put_back.skip:
            await self._set_aside(closing_record(letter_id, record.key, "purged"))
            return
        try:
            self._check(record)
            event = decode(record.key, record.value, record.headers)
        except BadRecord as error:
            self._report_bad(record, error)
            if put_back is None:  # else its dead letter is still open
                place, now = place_of(record), datetime.now(UTC)
                letter = to_dead_letter(place, record, error.fault, error.detail, 0, now)
                await self._set_aside(letter)
            return
        if isinstance(event.data, RulesEnacted):
            enact = partial(self._enact, record.partition, record.offset, event.data)
            await self._retry.until_done(enact)
        elif isinstance(event.data, AuthorityFact):
            await self._retry.until_done(partial(self._grant, record, event.data))
        elif isinstance(self.clock, StreamClock):
            await self._tick(self.clock, record.partition, event)
        if put_back is not None:
            await self._set_aside(closing_record(letter_id, record.key, "redriven"))

    async def _set_aside(self, letter: Record) -> None:
        topic = dead_letters(self.decider.name)
        await self._retry.until_done(partial(self.producer.write, topic, [letter]))

    def _report_bad(self, record: ConsumerRecord[Any, Any], error: BadRecord) -> None:
        metrics.DEAD_LETTERS.labels(self.decider.name, error.fault).inc()
        log.error("a broadcast that tells nothing", fault=error.fault, detail=error.detail)
        if error.fault is Fault.FORGED:
            kind = type_of(record.headers) or "none"
            self.reporting.forged("", place_of(record), kind, error.detail)

    def _is_not_ordered(self, record: ConsumerRecord[Any, Any]) -> bool:
        """Return whether nobody has put a record back who may, and report it."""
        if self._keys is None:
            return False
        key, value, headers = record.key, record.value, record.headers
        reason = self._keys.order_fault(key, value, headers, record.timestamp)
        if reason is None:
            return False
        self.reporting.forged("", place_of(record), type_of(headers) or "none", reason)
        return True

    def _check(self, record: ConsumerRecord[Any, Any]) -> None:
        """Raise BadRecord if there are keys and the record is not believed."""
        if self._keys is None:
            return
        headers = record.headers
        reason = self._keys.fault(
            record.key, record.value, headers, dict(headers), record.timestamp
        )
        if reason is not None:
            raise BadRecord(Fault.FORGED, reason)

    async def _tick(self, clock: StreamClock, partition: int, event: Event) -> None:
        """Move the partition's time and fire all timers that have passed by then."""
        clock.tick(partition, event.time)
        metrics.CLOCK.labels(self.decider.name).set(event.time.timestamp())
        await self.timers.fire_all(partition, clock.now(partition))

    async def _enact(self, partition: int, offset: int, data: RulesEnacted) -> None:
        """Widen the partition's world, and wake the subjects whose timers it may have moved.

        Doing it again changes nothing.
        """
        world = await self.worlds.enact(partition, data)
        # What stands before it is folded, so it is known for good: after a kill no state may name
        # rules that its partition has yet to hear of.
        await self.worlds.mark({partition: offset})
        if (at := self.decider.woken(world)) is not None:
            await self.store.wake(partition, at)
            # What is in memory still has the old time to wake at.
            self._states.clear()
        log.info("rules were enacted", partition=partition, number=data.number, by=data.by)

    async def _grant(self, record: ConsumerRecord[Any, Any], data: AuthorityFact) -> None:
        """Fold who may act for whom. No timer waits for that, and doing it again changes nothing.

        As with rules, what stands before it is folded and known for good. Its owner says so if it
        has not decided it.
        """
        partition = record.partition
        if self.decider.name == data.OWNER and not await self.worlds.has_decided(data):
            self.reporting.forged(
                data.grant, place_of(record), type_of(record.headers) or "none", Doubt.UNDECIDED
            )
        await self.worlds.grant(partition, data)
        await self.worlds.mark({partition: record.offset})
        log.info("authority was told", partition=partition, type=data.NAME, grant=data.grant)


def _is_broadcast(record: ConsumerRecord[Any, Any]) -> bool:
    key = record.key
    if key == _CLOCK:
        return type_of(record.headers) == ClockTicked.TYPE
    return key in WORLD_KEYS and changes_world(key, type_of(record.headers))


def _chunks(records: Records) -> Iterator[tuple[Records, ConsumerRecord[Any, Any] | None]]:
    """Yield the records up to each broadcast, with the broadcast; then the rest, without one."""
    chunk: list[ConsumerRecord[Any, Any]] = []
    for record in records:
        if _is_broadcast(record):
            yield chunk, record
            chunk = []
        else:
            chunk.append(record)
    yield chunk, None
