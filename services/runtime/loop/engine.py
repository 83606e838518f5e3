"""The loop that runs every service: load, decide, publish, persist, commit. In that order.

A crash between any two of them repeats the batch, and the repetition comes to the same events
with the same ids over the same states: at worst a fact stands twice in the log, and everyone
who reads it knows it the second time.

A round of the wall clock's timers is not repeated over the same states: a fact that was entered
late may be folded first. Of what it says on another topic nothing would come back and show it, so
that is written down before it is published.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter as Tally
from collections import OrderedDict, deque
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, Generic

import structlog
from aiokafka import ConsumerRecord, TopicPartition

from contracts.events.clock import CLOCK_SUBJECT, ClockTicked
from contracts.wire.codec import BadRecord, Fault, decode, type_of
from contracts.wire.envelope import Event
from contracts.wire.topics import dead_letters
from services.runtime import metrics
from services.runtime.core.batch import Decided, Wanted, decide, pick
from services.runtime.core.dead_letter import bury
from services.runtime.core.decider import Decider, S
from services.runtime.core.handle import fire_timers, set_due
from services.runtime.core.stored import Stored
from services.runtime.kafka.producer import EventProducer
from services.runtime.loop.clock import Clock, StreamClock
from services.runtime.loop.echoes import Echoes
from services.runtime.loop.faults import Faults, Point
from services.runtime.loop.garbage import uncollected
from services.runtime.loop.progress import Progress
from services.runtime.mongo.store import Fenced, Store
from services.runtime.settings import Settings
from services.runtime.transient import LOST_PARTITIONS, is_transient

log = structlog.get_logger("motcua.engine")

Records = Sequence[ConsumerRecord[Any, Any]]
Commit = Callable[[dict[TopicPartition, int]], Awaitable[None]]


_CLOCK = CLOCK_SUBJECT.encode()
_FEW = 200
"""So many records of several partitions are decided, published and written as one."""
_ROUNDS_AT_ONCE = 4
"""Of timers, each of another partition: while one is decided, others wait for an ack or a write."""
_REST = 5.0
"""Seconds that rounds of timers are given to come to rest when they are to end."""


class Defect(Exception):
    """Something that must not be: the service stops, loudly, rather than go on."""


class Leaving(Exception):
    """The partitions are being taken away; what was not committed is the next owner's."""


class Engine(Generic[S]):
    """Runs one decider over the partitions that this instance owns.

    There is one writer: a batch, a turn of timers and a rebalance never overlap.
    """

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
        self.owned: set[int] = set()
        self.before_leaving: list[Callable[[], Awaitable[object]]] = []
        """What must come to rest before partitions are given up."""
        self.on_written: list[Callable[[Sequence[Event]], object]] = []
        """Who is told of new events, once they are published and the states are written."""
        self._cache: OrderedDict[str, Stored[S]] = OrderedDict()
        self._echoes = Echoes(decider)
        self._turn = asyncio.Lock()
        self._leaving = asyncio.Event()
        self._waiters: dict[str, asyncio.Event] = {}
        self._bad_in_a_row = 0
        self._generation = 0
        self._ending = False
        self._debug = settings.log_level.upper() == "DEBUG"
        self._phase = {
            name: metrics.PHASE.labels(decider.name, name)
            for name in ("load", "decide", "publish", "persist", "commit")
        }

    # -- records ----------------------------------------------------------------------

    async def handle(self, records: Records, commit: Commit) -> None:
        """Handles records of owned partitions, in their order, and commits behind them.

        Returns when all is written and committed, or when the partitions are taken away.
        Raises Defect, or what a defect raised; then nothing of the batch was committed.
        """
        generation = self._generation
        async with self._turn:
            if generation != self._generation:
                return  # fetched before a rebalance, which made the consumer fetch it again
            records = [r for r in records if r.partition in self.owned]
            if not records:
                return
            metrics.BATCH.labels(self.decider.name).observe(len(records))
            try:
                with uncollected():
                    await self._all_partitions(records)
                with self._timed("commit"):
                    await self._commit(records, commit)
            except Leaving:
                log.info("left a batch to the next owner")
                return
            self.faults.passing(Point.COMMITTED)
            self.progress.handled(records)

    async def _all_partitions(self, records: Records) -> None:
        """Handles each partition's records in their order, and the partitions side by side.

        No subject is in two partitions: while one waits for the broker or the database, another
        is decided. A few records go through together: there the round trips are what costs.
        """
        if len(records) <= _FEW and not any(record.key == _CLOCK for record in records):
            await self._until_done(partial(self._attempt, records))
            return
        by_partition: dict[int, list[ConsumerRecord[Any, Any]]] = {}
        for record in records:
            by_partition.setdefault(record.partition, []).append(record)
        await _side_by_side(self._one_partition(mine) for mine in by_partition.values())

    async def _one_partition(self, records: Records) -> None:
        for chunk, tick in self._chunks(records):
            if chunk:
                await self._until_done(partial(self._attempt, chunk))
            if tick is not None and isinstance(self.clock, StreamClock):
                await self._tick(self.clock, tick)

    async def _attempt(self, records: Records) -> None:
        decider = self.decider
        wanted, outcomes = pick(decider, records)
        wanted = self._without_echoes(wanted, outcomes)
        self.faults.passing(Point.RECEIVED)
        with self._timed("load"):
            states = await self._load({w.subject for w in wanted if w.subject is not None})
        self.faults.passing(Point.LOADED)
        try:
            with self._timed("decide"):
                decided = decide(decider, wanted, states, self._now())
            self.faults.passing(Point.DECIDED)
            await self._write(decided)
        except BaseException:
            # The states in memory are ahead of the database, or behind it: load them again.
            self._forget(states)
            raise
        self._remember(states)
        self._tell(decided, outcomes)
        self._limit_bad(decided, len(wanted))

    async def _write(self, decided: Decided[S]) -> None:
        with self._timed("publish"):
            await self.producer.publish(decided.events)
            await self.producer.write(dead_letters(self.decider.name), decided.letters)
        self.faults.passing(Point.PUBLISHED)
        with self._timed("persist"):
            await self.store.persist(decided.dirty.values())
        self.faults.passing(Point.PERSISTED)
        self._echoes.expect(decided.events)
        for request in decided.requests:
            if (waiter := self._waiters.get(request)) is not None:
                waiter.set()

    async def _commit(self, records: Records, commit: Commit) -> None:
        ends: dict[TopicPartition, int] = {}
        for record in records:
            ends[TopicPartition(record.topic, record.partition)] = record.offset + 1
        try:
            await self._until_done(lambda: commit(ends))
        except LOST_PARTITIONS as error:
            # The effects are written. The next owner reads the records again and knows them.
            log.warning("the group went on without us", error=str(error))
            self._cache.clear()
            self._echoes.clear()

    # -- timers -----------------------------------------------------------------------

    async def fire_due(self, until: dict[int, datetime]) -> bool:
        """Fires, for one turn, each partition's timers that passed before its time.

        Returns whether some may be left, which is so when the turn was over before they were.
        Cancelled, it finishes the rounds that are under way: what is on the log and not in the
        states, the next owner would say again.
        """
        generation = self._generation
        async with self._turn:
            if generation != self._generation:
                return False  # what was settled before a rebalance need not be settled after it
            waiting = deque(partition for partition in until if partition in self.owned)
            over = time.monotonic() + self.settings.timer_turn

            async def rounds() -> None:
                while waiting and not self._leaving.is_set():
                    partition = waiting.popleft()
                    if await self._fire_round(partition, until[partition]):
                        waiting.append(partition)
                    if time.monotonic() >= over:
                        return

            def stop() -> None:
                nonlocal over
                over = 0.0

            with uncollected():
                await _to_its_end(_side_by_side(rounds() for _ in range(_ROUNDS_AT_ONCE)), stop)
            return bool(waiting) and not self._leaving.is_set()

    async def run_wall_timers(self, caught_up: Callable[[], Awaitable[set[int]]]) -> None:
        """Fires timers by the wall clock until cancelled; leaves records their turn between.

        Only of partitions in which all that stood there at the take-over is folded: or a
        service that was away would announce as overdue what was finished meanwhile. In one that
        lags, time is no further than the newest record that was handled.
        """
        while True:
            more = False
            try:
                ready = await caught_up() if self.owned else set()
                more = await self.fire_due(self.progress.settled_until(ready, self.clock.now()))
            except Leaving:
                log.info("left timers to the next owner")
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("waiting for the broker", error=repr(error))
            metrics.CLOCK.labels(self.decider.name).set(self.clock.now().timestamp())
            if not more:
                await asyncio.sleep(self.settings.timer_poll)

    def leave(self) -> None:
        """Lets a batch that waits for broker or database go: the process is to end."""
        self._ending = True
        self._leaving.set()

    async def _tick(self, clock: StreamClock, record: ConsumerRecord[Any, Any]) -> None:
        try:
            event = decode(record.key, record.value, record.headers)
        except BadRecord as error:
            metrics.DEAD_LETTERS.labels(self.decider.name, error.fault).inc()
            log.error("a tick that tells no time", fault=error.fault, detail=error.detail)
            letter = bury(record, error.fault, error.detail, 0, self._now())
            topic = dead_letters(self.decider.name)
            await self._until_done(partial(self.producer.write, topic, [letter]))
            return
        clock.tick(record.partition, event.time)
        metrics.CLOCK.labels(self.decider.name).set(event.time.timestamp())
        before = clock.now(record.partition)
        while await self._fire_round(record.partition, before):
            pass

    async def _fire_round(self, partition: int, before: datetime) -> bool:
        """Fires one round of the partition's timers; returns whether it was a full one."""
        fired = 0

        async def attempt() -> None:
            nonlocal fired
            fired = await self._fire(partition, before)

        await self._until_done(attempt)
        return fired >= self.settings.timer_batch

    async def _fire(self, partition: int, before: datetime) -> int:
        name = self.decider.name
        due = await self.store.due([partition], before, self.settings.timer_batch)
        states = {stored.subject: stored for stored in due}
        decided: Decided[S] = Decided(dirty=states)
        lateness = metrics.TIMER_LATENESS.labels(name)
        now = self.clock.now(partition)
        try:
            for stored in due:
                assert stored.due is not None
                lateness.observe((now - stored.due).total_seconds())
                decided.events += stored.unsaid or self._fire_one(stored, before)
            self.faults.passing(Point.TIMERS_DECIDED)
            if unsaid := [stored for stored in due if stored.unsaid]:
                await self.store.persist(unsaid)
                self.faults.passing(Point.TIMERS_WRITTEN)
            await self.producer.publish(decided.events)
            self.faults.passing(Point.TIMERS_PUBLISHED)
            for stored in unsaid:
                stored.unsaid = []
                set_due(self.decider, stored)
            await self.store.persist(decided.dirty.values())
            self.faults.passing(Point.TIMERS_PERSISTED)
        except BaseException:
            self._forget(states)
            raise
        self._echoes.expect(decided.events)
        # Only what is in memory already: many timers at once must not push out the dossiers
        # that are being worked on.
        self._remember({subject: states[subject] for subject in states.keys() & self._cache.keys()})
        metrics.TIMERS.labels(name).inc(len(due))
        self._tell(decided, Tally())
        return len(due)

    def _fire_one(self, stored: Stored[S], before: datetime) -> list[Event]:
        snapshot = stored.snapshot()
        try:
            events = fire_timers(self.decider, stored, before)
        except Exception as error:
            # One dossier must not stop the city. It is not looked at again until its next
            # record, which then becomes a dead letter with this error, and holds it.
            stored.restore(snapshot)
            stored.due = None
            metrics.DEAD_LETTERS.labels(self.decider.name, Fault.DECISION_RAISED).inc()
            log.critical("a timer raised", dossier=stored.subject, exc_info=error)
            return []
        if self._is_written_first(events):
            stored.unsaid = events
        set_due(self.decider, stored)
        return events

    def _is_written_first(self, events: Sequence[Event]) -> bool:
        """Whether, after a kill, nothing else would tell the state what was said before it.

        A tick stands in the log, so its timers fire again over the same state; and what is said
        on the topic that is folded comes back over it.
        """
        if isinstance(self.clock, StreamClock):
            return False
        return any(self.producer.topic_of(event) != self.decider.topic for event in events)

    # -- partitions -------------------------------------------------------------------

    async def partitions_revoked(self, partitions: set[int]) -> None:
        """Waits for the batch under way, or breaks off its retries; then forgets."""
        self._leaving.set()
        try:
            async with self._turn:
                self.owned -= partitions
                self._generation += 1
                self._cache.clear()
                self._echoes.clear()
                self.progress.left(partitions)
                for at_rest in self.before_leaving:
                    await at_rest()
        finally:
            if not self._ending:
                self._leaving.clear()
        metrics.PARTITIONS.labels(self.decider.name, self.decider.topic).set(len(self.owned))

    async def partitions_assigned(self, partitions: set[int]) -> None:
        """Starts with nothing in memory: another instance may have written since."""
        # Before any wait: records of the new assignment may be handed over while this waits for
        # its turn, and what `handle` turns away is never fetched again.
        self.owned |= partitions
        self._generation += 1
        async with self._turn:
            self._cache.clear()
            self._echoes.clear()
        metrics.REBALANCES.labels(self.decider.name).inc()
        metrics.PARTITIONS.labels(self.decider.name, self.decider.topic).set(len(self.owned))

    # -- changes from beside ----------------------------------------------------------

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Holds batches, timers and rebalances back, and has every state loaded again after.

        What changes the decider or writes to the store from beside the engine does it here. A
        batch is decided under what was before, all its tries included, or under what is after.
        """
        async with self._turn:
            try:
                yield
            finally:
                self._cache.clear()

    # -- answers ----------------------------------------------------------------------

    @contextmanager
    def waiting_for(self, request: str) -> Iterator[asyncio.Event]:
        """An event that is set once this instance has written the answer to the request."""
        waiter = self._waiters.setdefault(request, asyncio.Event())
        try:
            yield waiter
        finally:
            self._waiters.pop(request, None)

    # -- inner ------------------------------------------------------------------------

    async def _until_done(self, attempt: Callable[[], Awaitable[None]]) -> None:
        """Tries until it works; only what passes by itself is tried again."""
        delay = self.settings.retry_first
        fenced = 0
        while True:
            try:
                return await attempt()
            except Fenced as error:
                fenced += 1
                if fenced > 50:
                    raise Defect(f"fenced {fenced} times over: {error}") from error
                metrics.RETRIES.labels(self.decider.name, "fenced").inc()
                log.info("another instance wrote; loading again")
                pause = random.uniform(0, 0.05)
            except Exception as error:
                if not is_transient(error):
                    raise
                metrics.RETRIES.labels(self.decider.name, "transient").inc()
                log.warning(
                    "waiting for broker or database",
                    error=repr(error),
                    again_in=round(delay, 2),
                )
                pause = delay * random.uniform(0.5, 1)
                delay = min(delay * 2, self.settings.retry_most)
            try:
                await asyncio.wait_for(self._leaving.wait(), timeout=pause)
            except TimeoutError:
                continue
            raise Leaving

    async def _load(self, subjects: set[str]) -> dict[str, Stored[S]]:
        known = {s: self._cache[s] for s in subjects if s in self._cache}
        missing = [s for s in subjects if s not in known]
        if missing:
            known |= await self.store.load(missing)
        return known

    def _without_echoes(
        self, wanted: list[Wanted], outcomes: Tally[tuple[str, str]]
    ) -> list[Wanted]:
        kept: list[Wanted] = []
        for item in wanted:
            if item.redrive is None and self._echoes.take(item.subject, item.short):
                outcomes[item.type_name, "duplicate"] += 1
            else:
                kept.append(item)
        return kept

    def _remember(self, states: dict[str, Stored[S]]) -> None:
        cache = self._cache
        for subject, stored in states.items():
            if stored.v:
                cache[subject] = stored
                cache.move_to_end(subject)
        while len(cache) > self.settings.cache_states:
            cache.popitem(last=False)
        metrics.CACHED.labels(self.decider.name).set(len(cache))

    def _forget(self, states: dict[str, Stored[S]]) -> None:
        for subject in states:
            self._cache.pop(subject, None)

    def _now(self) -> datetime:
        return datetime.now(UTC)  # of a dead letter: when it was put there, whatever clock runs

    def _tell(self, decided: Decided[S], outcomes: Tally[tuple[str, str]]) -> None:
        name = self.decider.name
        for (type_name, outcome), count in (outcomes + decided.outcomes).items():
            metrics.EVENTS.labels(name, type_name, outcome).inc(count)
        for type_name, count in Tally(event.type for event in decided.events).items():
            metrics.PUBLISHED.labels(name, type_name).inc(count)
        for tell in self.on_written:
            tell(decided.events)
        for fault, count in decided.faults.items():
            metrics.DEAD_LETTERS.labels(name, fault).inc(count)
        for subject, place, fault, detail in decided.buried:
            log.error("dead letter", dossier=subject, record=place, fault=fault, detail=detail)
        for outcome, count in decided.redriven.items():
            metrics.REDRIVEN.labels(name, outcome).inc(count)
        if self._debug:
            for event in decided.events:
                log.debug("decided", dossier=event.subject, event_id=event.id, type=event.type)

    def _limit_bad(self, decided: Decided[S], wanted: int) -> None:
        bad = sum(n for (_, outcome), n in decided.outcomes.items() if outcome == "dead")
        self._bad_in_a_row = self._bad_in_a_row + bad if bad == wanted else 0
        if bad and self._bad_in_a_row >= self.settings.dead_letters_in_a_row:
            raise Defect(
                f"{self._bad_in_a_row} bad records in a row, the last: {decided.last_error}"
            )

    def _chunks(
        self, records: Records
    ) -> Iterator[tuple[Records, ConsumerRecord[Any, Any] | None]]:
        """The records up to each tick, with the tick; the rest, without one."""
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

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self._phase[phase].observe(time.perf_counter() - start)


async def _side_by_side(parts: Iterable[Awaitable[None]]) -> None:
    """Waits until all have come to rest; then raises what one of them raised."""
    ends = await asyncio.gather(*parts, return_exceptions=True)
    failures = [end for end in ends if end is not None]
    # A defect says more than the others' leaving.
    for failure in sorted(failures, key=lambda end: isinstance(end, Leaving)):
        raise failure


async def _to_its_end(work: Coroutine[Any, Any, None], stop: Callable[[], None]) -> None:
    """Waits for the work; cancelled, asks it to stop and lets it come to rest."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        stop()
        await asyncio.wait({task}, timeout=_REST)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
