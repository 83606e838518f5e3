"""Rebuilds a service's states from the log, beside the live ones, and swaps them.

    1 check     that the service is stopped
    2 fold      every recorded fact into a collection of its own; publish nothing
    3 compare   with the live states, and say what differs
    4 swap      the collections, in one step of the database

A rebuild that was killed goes on where it was: it keeps how far it is as a service does. Until the
swap the live states are untouched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from contracts.events.authority import AuthorityFact
from contracts.events.rules import RulesEnacted
from contracts.events.world import changes_world
from contracts.wire.codec import decode, type_of
from services.runtime.core.decider import Decider, S
from services.runtime.core.refold import Refold
from services.runtime.core.state_hash import state_hash
from services.runtime.core.stored import state_of
from services.runtime.kafka.clients import AIOKAFKA
from services.runtime.kafka.merged_log import read_merged
from services.runtime.kafka.offsets import Offsets
from services.runtime.loop.consumer import group_of
from services.runtime.loop.faults import Faults, Point
from services.runtime.loop.worlds import Worlds
from services.runtime.mongo.client import Database
from services.runtime.mongo.partitions import Mark, Partitions
from services.runtime.mongo.store import Store
from services.runtime.record_keys import record_keys
from services.runtime.settings import Settings


class StillRunning(Exception):
    """The service has instances: they would write what is being rebuilt."""


@dataclass
class Comparison:
    """How rebuilt states compare with the live ones."""

    equal: int = 0
    differing: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    """Subjects, and the fields of their states that differ."""
    missing: list[str] = field(default_factory=list)
    """Subjects that only the live states have."""
    added: list[str] = field(default_factory=list)
    """Subjects that only the rebuilt states have."""

    def __bool__(self) -> bool:
        """Whether they are the same."""
        return not (self.differing or self.missing or self.added)

    def lines(self) -> list[str]:
        """Return a line for each difference."""
        return [
            *(f"{code}: {', '.join(fields)}" for code, fields in self.differing),
            *(f"{code}: only live" for code in self.missing),
            *(f"{code}: only rebuilt" for code in self.added),
        ]


class Rebuild(Generic[S]):
    """Rebuilds the states of one decider."""

    def __init__(self, decider: Decider[S], database: Database, settings: Settings) -> None:
        self._decider = decider
        self._database = database
        self._settings = settings
        self._name = f"{decider.collection}.rebuilt"
        self._store = Store(database[self._name], decider.state_type, decider.waking)
        self._keys = record_keys(settings)
        self._group = group_of(decider.name, decider.topic)
        self.failed: list[tuple[str, str]] = []
        """Records that could not be folded: their place, and why."""

    async def check_stopped(self) -> None:
        """Raise StillRunning if the service's group has members."""
        admin = AIOKAFKA.admin(bootstrap_servers=self._settings.kafka)
        await admin.start()
        try:
            for answer in await admin.describe_consumer_groups([self._group]):
                for group in answer.groups:
                    members = group[5]
                    if members:
                        raise StillRunning(
                            f"{self._decider.name} has {len(members)} running instances: stop them"
                        )
        finally:
            await admin.close()

    async def fold(self, progress: Callable[[int, int], None]) -> int:
        """Fold the log up to where the service had come; return the number of records.

        `progress` is told how many records are read, and how many there are.
        """
        faults = Faults(self._settings.stop_at)
        offsets = Offsets(self._settings.kafka)
        try:
            committed = await offsets.committed(self._group, self._decider.topic)
            refold = Refold(self._decider, committed, self._keys)
            ends = {
                TopicPartition(topic, p): end
                for topic in refold.topics
                for p, end in (await offsets.ends(topic)).items()
            }
        finally:
            await offsets.stop()
        await self._store.prepare()
        marks = {t: Partitions(self._database, t, self._name) for t in refold.topics}
        worlds = Worlds(self._decider.name, self._decider.topic, marks[self._decider.topic])
        consumer = AIOKAFKA.consumer(
            bootstrap_servers=self._settings.kafka,
            isolation_level="read_committed",
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            refold.leave_out(await self._tail(consumer, committed, ends))
            begins: dict[TopicPartition, int] = {}
            for topic, partitions in marks.items():
                known = await partitions.load(tp.partition for tp in ends if tp.topic == topic)
                begins |= {
                    tp: known[tp.partition].next if tp.partition in known else 0
                    for tp in ends
                    if tp.topic == topic
                }
            done = sum(begins.values())
            total = sum(ends.values())
            read = 0
            progress(done, total)
            async for records in read_merged(consumer, begins, ends, [self._decider.topic]):
                await self._batch(refold, worlds, records)
                await self._mark(marks, worlds, records, refold)
                faults.passing(Point.REBUILD_FOLDED)
                read += len(records)
                progress(done + read, total)
        finally:
            await consumer.stop()
        self.failed = refold.failed
        return read

    async def _tail(
        self,
        consumer: AIOKafkaConsumer,
        committed: dict[int, int],
        ends: dict[TopicPartition, int],
    ) -> list[ConsumerRecord[Any, Any]]:
        mine = {tp: end for tp, end in ends.items() if tp.topic == self._decider.topic}
        begins = {tp: committed.get(tp.partition, 0) for tp in mine}
        tail: list[ConsumerRecord[Any, Any]] = []
        async for records in read_merged(consumer, begins, mine, [self._decider.topic]):
            tail += records
        return tail

    async def _batch(
        self, refold: Refold[S], worlds: Worlds, records: list[ConsumerRecord[Any, Any]]
    ) -> None:
        chunk: list[ConsumerRecord[Any, Any]] = []
        for record in records:
            if changes_world(record.key, type_of(record.headers)):
                await self._chunk(refold, worlds, chunk)
                chunk = []
                if record.topic == self._decider.topic:
                    await self._enact(refold, worlds, record)
            else:
                chunk.append(record)
        await self._chunk(refold, worlds, chunk)

    async def _chunk(
        self, refold: Refold[S], worlds: Worlds, records: list[ConsumerRecord[Any, Any]]
    ) -> None:
        found = refold.find(records)
        states = await self._store.load({subject for subject, _, _ in found})
        known = await worlds.of(
            {record.partition for record in records} | {s.partition for s in states.values()}
        )
        await self._store.persist(refold.fold(known, found, states).values())

    async def _enact(
        self, refold: Refold[S], worlds: Worlds, record: ConsumerRecord[Any, Any]
    ) -> None:
        headers = record.headers
        if self._keys is not None and self._keys.fault(
            record.key, record.value, headers, dict(headers), record.timestamp
        ):
            return  # no service had believed it either
        data = decode(record.key, record.value, headers).data
        until = {record.partition: refold.folded_until(record.partition, record.offset)}
        if isinstance(data, AuthorityFact):
            await worlds.grant(record.partition, data)
            await worlds.mark(until)
            return
        assert isinstance(data, RulesEnacted)
        world = await worlds.enact(record.partition, data)
        await worlds.mark(until)
        if (at := self._decider.woken(world)) is not None:
            await self._store.wake(record.partition, at)

    async def _mark(
        self,
        marks: dict[str, Partitions],
        worlds: Worlds,
        records: list[ConsumerRecord[Any, Any]],
        refold: Refold[S],
    ) -> None:
        known = await worlds.of(record.partition for record in records)
        for topic, partitions in marks.items():
            ends = {r.partition: r.offset + 1 for r in records if r.topic == topic}
            if topic == self._decider.topic:
                ends = {p: refold.folded_until(p, end) for p, end in ends.items()}
            if ends:
                await partitions.write({p: Mark(end, known[p]) for p, end in ends.items()})

    async def compare(self) -> Comparison:
        """Compare the rebuilt states with the live ones, subject by subject."""
        found = Comparison()
        rebuilt = self._store.collection.find({}, {"state": 1}, batch_size=2_000).sort("_id", 1)
        live = (
            self._database[self._decider.collection]
            .with_options(codec_options=self._store.collection.codec_options)
            .find({}, {"state": 1}, batch_size=2_000)
            .sort("_id", 1)
        )
        mine, theirs = await anext(rebuilt, None), await anext(live, None)
        while mine is not None or theirs is not None:
            if theirs is None or (mine is not None and mine["_id"] < theirs["_id"]):
                assert mine is not None
                found.added.append(mine["_id"])
                mine = await anext(rebuilt, None)
            elif mine is None or theirs["_id"] < mine["_id"]:
                found.missing.append(theirs["_id"])
                theirs = await anext(live, None)
            else:
                states = [state_of(each, self._decider.state_type) for each in (mine, theirs)]
                if state_hash(states[0]) == state_hash(states[1]):
                    found.equal += 1
                else:
                    found.differing.append((mine["_id"], _fields(*states)))
                mine, theirs = await anext(rebuilt, None), await anext(live, None)
        return found

    async def swap(self) -> None:
        """Put the rebuilt states in the live ones' place.

        Subjects that wait for a dead letter go on waiting.
        """
        live = self._database[self._decider.collection]
        async for held in live.find({"hold": {"$ne": None}}, {"hold": 1}):
            await self._store.collection.update_one(
                {"_id": held["_id"]}, {"$set": {"hold": held["hold"], "due": None}}
            )
        offsets = Offsets(self._settings.kafka)
        try:
            committed = await offsets.committed(self._group, self._decider.topic)
        finally:
            await offsets.stop()
        beside = Partitions(self._database, self._decider.topic, self._name)
        folded = await beside.load(committed)
        own = Partitions(self._database, self._decider.topic, self._decider.collection)
        await self._store.collection.rename(self._decider.collection, dropTarget=True)
        await own.write(
            {p: Mark(end, folded[p].world) for p, end in committed.items() if p in folded}
        )
        for partition in committed.keys() & folded.keys():
            await own.take_authority(partition, folded[partition].world.grants)
        await self.discard()

    async def discard(self) -> None:
        """Forget the rebuilt states, and how far they were."""
        await self._store.collection.drop()
        for topic in Refold(self._decider, {}).topics:
            await Partitions(self._database, topic, self._name).drop()


def _fields(one: msgspec.Struct, other: msgspec.Struct) -> tuple[str, ...]:
    return tuple(
        name for name in one.__struct_fields__ if getattr(one, name) != getattr(other, name)
    )
