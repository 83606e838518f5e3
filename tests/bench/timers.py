"""A city's worth of timers that are due at one moment: when each is said, none early, none twice.

Dossiers are received and routed over the log, as in life, and sla's engine sets their deadlines.
Then a second engine takes the partitions over, by a clock that runs as the wall's does and shows
some seconds before the moment at which every dossier's first timer is due. Beside it, a loop that
decides nothing and reads, publishes and writes as much: the ratio of the two is what lasts.
"""

from __future__ import annotations

import asyncio
import os
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from pymongo import UpdateOne
from rich.console import Console
from rich.table import Table

from contracts.model import EventData
from contracts.wire.codec import Record, decode, encode
from contracts.wire.envelope import Event, derive_id
from contracts.wire.topics import DOSSIER_EVENTS
from deploy.local.stack.city import cpu_seconds
from deploy.local.stack.stack import Stack
from motcua.deciders import city_deciders
from services.runtime.core.decider import Decider
from services.runtime.core.handle import fire_timers, handle
from services.runtime.core.stored import Stored
from services.runtime.kafka.offsets import Offsets
from services.runtime.kafka.producer import EventProducer
from services.runtime.kafka.topics import create_topics
from services.runtime.loop.clock import WallClock
from services.runtime.loop.consumer import EngineConsumer, make_broker
from services.runtime.loop.engine import Engine
from services.runtime.mongo.client import Collection, Database, client
from services.runtime.mongo.store import Store
from services.runtime.run import settle_memory
from services.runtime.settings import Settings
from services.runtime.supervised import Supervised
from tests.bench.loops import log_ends
from tests.support import facts

RECEIVED = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
"""A Monday, half past eight in Vietnam: what is due follows in office hours."""
LEAD = timedelta(seconds=8)
"""What the engine that is measured is given to join its group before the timers are due."""
_WARD = "H29.101"
_CHUNK = 2_000
_BOUNDS = (0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 60.0)
"""Of the lateness table, in seconds."""


@dataclass
class Said:
    """What the log has of the timers' facts."""

    facts: int = 0
    repeated: int = 0
    """Facts that stand there more than once, by id."""
    early: int = 0
    """Facts that were written before their own time."""
    untimely: int = 0
    """Facts whose time is not the due time."""


async def timers_run(
    stack: Stack, settings: Settings, count: int, console: Console
) -> dict[str, Any]:
    """Lets so many timers fall due at once; says how late each was, to its state's last write."""
    await create_topics(settings)
    decider = next(decider for decider in city_deciders() if decider.name == "sla")
    due, facts_each = _first_timer(decider)
    mongo = client(settings.mongo)
    try:
        database = mongo["bench_timers"]
        with console.status(f"receiving {count:,} dossiers"):
            await _receive(decider, settings, database, count)
        settle_memory()
        before = await log_ends(settings)
        pids = {part.part: part.pid for part in stack.status() if part.pid is not None}
        pids["engine"] = os.getpid()
        _forget_peak_memory()
        shift = due - LEAD - datetime.now(UTC)
        clock = WallClock(wall=lambda: datetime.now(UTC) + shift)
        with console.status("every timer is due at once"):
            store = _TimedStore(database[decider.collection], decider, clock, due)
            async with _running(Engine(decider, store, _producer(settings), clock, settings)) as (
                engine,
                consumer,
            ):
                if clock.now() >= due:
                    raise RuntimeError(f"the engine took longer than {LEAD} to join its group")
                cpu = {name: cpu_seconds(pid) for name, pid in pids.items()}
                offsets = Offsets(settings.kafka)
                timers = asyncio.create_task(consumer.run_timers(offsets))
                while store.written < count:
                    _raise_failure(consumer)
                    await asyncio.sleep(0.01)
                fired = max(store.lateness)
                after = await offsets.ends(DOSSIER_EVENTS)
                await _handled(engine, consumer, after)
                consumed = (clock.now() - due).total_seconds()
                cpu = {name: cpu_seconds(pid) - cpu[name] for name, pid in pids.items()}
                timers.cancel()
                await asyncio.gather(timers, return_exceptions=True)
                await offsets.stop()
        memory = _peak_memory()
        with console.status("reading the log"):
            said = await _read(settings, before, after, due, shift)
        with console.status("as much again, and nothing decided"):
            bare = await _bare(settings, database[decider.collection])
    finally:
        mongo.close()
    found = {
        "timers": count,
        "facts": said.facts,
        "facts_expected": count * facts_each,
        "seconds_to_last_state_written": fired,
        "seconds_to_own_facts_consumed": consumed,
        "timers_per_second": count / fired,
        "seconds_bare": bare,
        "engine_to_bare": bare / fired,
        "early": said.early,
        "repeated": said.repeated,
        "not_at_their_due_time": said.untimely,
        "memory_mib": memory / 2**20,
        "cpu_seconds": cpu,
        "lateness": dict(_histogram(store.lateness)),
    }
    _show(found, console)
    return found


def _first_timer(decider: Decider[Any]) -> tuple[datetime, int]:
    """When a dossier's first timer is due, and how many facts fall due with it."""
    stored = Stored("H29.1-260302-0", 0, decider.initial(""))
    for event in _facts(0):
        handle(decider, stored, event)
    timer = decider.timer(stored.state)
    if timer is None:
        raise RuntimeError("a dossier that was received and routed waits for nothing")
    return timer.at, len(fire_timers(decider, stored, timer.at + timedelta(seconds=1)))


def _facts(number: int) -> Iterator[Event]:
    """What sla has to know of a dossier to give it a deadline."""
    code = f"H29.1-260302-{number}"
    yield _event(code, "intake", facts.received("1.004873", "H29.1"))
    route = facts.routed(_WARD, "1.004873", "short", steps=("verify", "sign"))
    yield _event(code, "routing", route)


def _event(code: str, by: str, data: EventData) -> Event:
    return Event(derive_id("bench", code, data.TYPE), f"/motcua/{by}", code, RECEIVED, data)


async def _receive(
    decider: Decider[Any], settings: Settings, database: Database, count: int
) -> None:
    """Publishes the facts and folds them: no clock of this engine's fires anything."""
    store = Store(database[decider.collection], decider.state_type)
    await store.prepare()
    engine = Engine(decider, store, _producer(settings), WallClock(), settings)
    async with _running(engine) as (_, consumer):
        for first in range(0, count, _CHUNK):
            chunk = range(first, min(first + _CHUNK, count))
            await engine.producer.publish(fact for number in chunk for fact in _facts(number))
        await _handled(engine, consumer, await log_ends(settings))
        # The deadlines that it set meanwhile.
        await _handled(engine, consumer, await log_ends(settings))


def _producer(settings: Settings) -> EventProducer:
    return EventProducer(settings.kafka)


@asynccontextmanager
async def _running(engine: Engine[Any]) -> AsyncIterator[tuple[Engine[Any], EngineConsumer]]:
    """The engine in its group, with partitions; its records are handled, its timers not fired."""
    await engine.producer.start()
    broker = make_broker(engine.settings)
    consumer = EngineConsumer(broker, engine, engine.settings, Supervised())
    await broker.start()
    try:
        while not engine.ownership.owned:
            _raise_failure(consumer)
            await asyncio.sleep(0.01)
        yield engine, consumer
    finally:
        await broker.stop()
        await engine.producer.stop()


async def _handled(engine: Engine[Any], consumer: EngineConsumer, ends: dict[int, int]) -> None:
    while any(engine.progress.next_offset(p) < end for p, end in ends.items()):
        _raise_failure(consumer)
        await asyncio.sleep(0.01)


def _raise_failure(consumer: EngineConsumer) -> None:
    if consumer.tasks.failed.done():
        consumer.tasks.failed.result()


class _TimedStore(Store[Any]):
    """Puts down how long after the due time each state was written."""

    def __init__(
        self, collection: Any, decider: Decider[Any], clock: WallClock, due: datetime
    ) -> None:
        super().__init__(collection, decider.state_type)
        self.lateness: list[float] = []
        self._clock = clock
        self._due = due

    @property
    def written(self) -> int:
        """States written; sla's own facts write none when they come back."""
        return len(self.lateness)

    async def persist(self, subjects: Iterable[Stored[Any]]) -> None:
        dirty = list(subjects)
        await super().persist(dirty)
        self.lateness += [(self._clock.now() - self._due).total_seconds()] * len(dirty)


async def _bare(settings: Settings, collection: Collection) -> float:
    """Seconds for as many reads by the index, records published and fenced writes, side by side."""
    producer = _producer(settings)
    await producer.start()
    sample = encode(next(_facts(0)))

    async def partition(number: int) -> None:
        waiting = {"p": number, "due": {"$type": "date"}}
        most = settings.timer_batch
        while found := await collection.find(waiting).sort("due").limit(most).to_list(most):
            await producer.write(
                DOSSIER_EVENTS,
                [Record(d["_id"].encode(), sample.value, sample.headers) for d in found],
            )
            await collection.bulk_write([_fenced(document) for document in found], ordered=False)

    start = time.perf_counter()
    await asyncio.gather(*(partition(number) for number in range(settings.partitions)))
    seconds = time.perf_counter() - start
    await producer.stop()
    return seconds


def _fenced(document: dict[str, Any]) -> UpdateOne:
    after = {**document, "v": document["v"] + 1, "due": None}
    known = {"$eq": ["$v", document["v"]]}
    update = {"$replaceWith": {"$cond": [known, {"$literal": after}, "$$ROOT"]}}
    return UpdateOne({"_id": document["_id"]}, [update])


async def _read(
    settings: Settings,
    before: dict[int, int],
    after: dict[int, int],
    due: datetime,
    shift: timedelta,
) -> Said:
    """Judges what was written between two ends of the log, by the log alone."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka)
    await consumer.start()
    said = Said()
    ids: Counter[str] = Counter()
    try:
        ends = {TopicPartition(DOSSIER_EVENTS, p): end for p, end in after.items()}
        consumer.assign(list(ends))
        for tp in ends:
            consumer.seek(tp, before[tp.partition])
        for tp, end in ends.items():
            while await consumer.position(tp) < end:
                for record in (await consumer.getmany(tp, timeout_ms=500)).get(tp, []):
                    event = decode(record.key, record.value, record.headers)
                    written = datetime.fromtimestamp(record.timestamp / 1000, UTC) + shift
                    ids[event.id] += 1
                    said.early += written < event.time
                    said.untimely += event.time != due
    finally:
        await consumer.stop()
    said.facts = len(ids)
    said.repeated = sum(times - 1 for times in ids.values())
    return said


def _histogram(lateness: Iterable[float]) -> Iterator[tuple[str, int]]:
    """How many were at most so many seconds late, and more than the bucket before."""
    counts = Counter(bisect_left(_BOUNDS, seconds) for seconds in lateness)
    for index in range(max(counts) + 1):
        label = f"{_BOUNDS[index]:g} s" if index < len(_BOUNDS) else "more"
        yield label, counts[index]


def _show(found: dict[str, Any], console: Console) -> None:
    table = Table("said at most so late", "timers", "")
    most = max(found["lateness"].values())
    for label, number in found["lateness"].items():
        table.add_row(label, f"{number:,}", "█" * round(40 * number / most))
    console.print(table)
    used = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in found["cpu_seconds"].items())
    console.print(
        f"{found['timers']:,} timers due at once: the last one's fact acked and its state written "
        f"after [bold]{found['seconds_to_last_state_written']:.2f} s[/bold] "
        f"({found['timers_per_second']:,.0f} timers/s), own facts consumed again after "
        f"{found['seconds_to_own_facts_consumed']:.2f} s; ratio to a bare loop "
        f"{found['engine_to_bare']:.2f} ({found['seconds_bare']:.2f} s)"
    )
    console.print(
        f"{found['facts']:,} facts of {found['facts_expected']:,}; early {found['early']}, "
        f"repeated {found['repeated']}, not at their due time {found['not_at_their_due_time']}; "
        f"at most {found['memory_mib']:.0f} MiB; CPU: {used}"
    )


def _forget_peak_memory() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _peak_memory() -> int:
    """The most resident memory since `_forget_peak_memory`, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the kernel tells no VmHWM")
