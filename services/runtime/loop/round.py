"""One round over a batch of records, step by step.

    attempt  1 pick      the records that the service uses, by their headers
             2 load      the states of their subjects
             3 decide    over the states in memory: pure
             4 publish   new events and dead letters, and wait for every ack
             5 persist   the changed states, each fenced by the version that it replaces
             6 report    to metrics, to the log, to those who wait for an answer
    commit   7 mark      in the database, how far the states are
             8 commit    the offsets behind the records

If a process ends between any two steps, the batch is read again. The repetition comes to the same
events with the same ids over the same states: at worst a fact is in the log twice, and every reader
recognises the duplicate. For the same reason an attempt can be repeated as a whole.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Generic

import structlog
from aiokafka import ConsumerRecord, TopicPartition

from contracts.wire.topics import dead_letters
from services.runtime.core.batch import decide, pick
from services.runtime.core.decider import S
from services.runtime.core.forged import Forged, believed, put_aside
from services.runtime.core.wanted import Wanted
from services.runtime.loop.faults import Point
from services.runtime.loop.parts import Parts
from services.runtime.loop.reporting import Phase
from services.runtime.mongo.store import is_too_large
from services.runtime.transient import LOST_PARTITIONS

log = structlog.get_logger("motcua.engine")

Records = Sequence[ConsumerRecord[Any, Any]]
Commit = Callable[[dict[TopicPartition, int]], Awaitable[None]]


class _Outgrown(Exception):
    """Subjects are too large to be written. Nothing of the batch has left the process."""

    def __init__(self, subjects: set[str]) -> None:
        super().__init__(f"too large to be written: {', '.join(sorted(subjects)[:5])}")
        self.subjects = subjects


class Round(Generic[S]):
    """Takes batches from the log to the database and back to the log."""

    def __init__(self, parts: Parts[S]) -> None:
        self._parts = parts
        self._dead_letters = dead_letters(parts.decider.name)

    async def attempt(self, records: Records) -> None:
        """Run steps 1 to 6. Raise what broker or database raise; then it can be repeated.

        If subjects have outgrown the database, it is decided again, and they are weighed after each
        record: the one that is too much for it becomes a dead letter.
        """
        weighed: frozenset[str] = frozenset()
        while True:
            try:
                return await self._attempt(records, weighed)
            except _Outgrown as error:
                weighed |= error.subjects

    async def _attempt(self, records: Records, weighed: frozenset[str]) -> None:
        parts = self._parts
        timed, passing = parts.reporting.timed, parts.faults.passing

        # 1. Pick.
        wanted, skipped = pick(parts.decider, records)
        wanted = self._without_echoes(wanted, skipped)
        passing(Point.RECEIVED)

        # 2. Load.
        with timed(Phase.LOAD):
            states = await parts.states.load({w.subject for w in wanted if w.subject is not None})
            worlds = await parts.worlds.of({record.partition for record in records})
        passing(Point.LOADED)

        with parts.states.changing(states):
            # 3. Decide.
            with timed(Phase.DECIDE):
                # A dead letter has the wall time at which it was written, whichever clock runs.
                now = datetime.now(UTC)
                forged: list[Forged] = []
                keys = parts.keys
                good = wanted if keys is None else believed(keys, wanted, states, forged)
                decided = decide(
                    parts.decider,
                    worlds,
                    good,
                    states,
                    now,
                    lambda stored: stored.subject in weighed and is_too_large(stored),
                )
                put_aside(decided, forged, now)
                # What was weighed and is too large still was so before: it is held, and written.
                if outgrown := parts.store.outgrown(decided.dirty.values()) - weighed:
                    raise _Outgrown(outgrown)
            said = await self._said_by_timers(decided.undecided)
            passing(Point.DECIDED)

            # 4. Publish.
            with timed(Phase.PUBLISH):
                await parts.producer.publish(decided.events)
                await parts.producer.write(self._dead_letters, decided.dead_letters)
            passing(Point.PUBLISHED)

            # 5. Persist.
            with timed(Phase.PERSIST):
                await parts.store.persist(decided.dirty.values())
            passing(Point.PERSISTED)

        # 6. Report.
        parts.states.echoes.expect(decided.events)
        parts.reporting.answered(decided.requests)
        parts.states.remember(states)
        parts.reporting.done(decided, skipped)
        parts.reporting.undecided(w for w in decided.undecided if w.short not in said)
        parts.reporting.limit_bad(decided, len(wanted) - len(forged))

    async def _said_by_timers(self, undecided: Sequence[Wanted]) -> set[bytes]:
        """Return, of facts that the states do not know, those that timers said before a kill."""
        if not undecided:
            return set()
        return await self._parts.said.of({w.short: w.record.partition for w in undecided})

    async def commit(self, ends: dict[TopicPartition, int], commit: Commit) -> None:
        """Run steps 7 and 8. Raise Leaving if the partitions are taken away meanwhile."""
        parts = self._parts

        # 7. Mark: a database that is behind the group's offsets is one of yesterday.
        folded = {tp.partition: end for tp, end in ends.items()}
        await parts.retry.until_done(lambda: parts.worlds.mark(folded))

        # 8. Commit.
        try:
            with parts.reporting.timed(Phase.COMMIT):
                await parts.retry.until_done(lambda: commit(ends))
        except LOST_PARTITIONS as error:
            # The effects are written. The next owner reads the records again and recognises them.
            log.warning("the group went on without us", error=str(error))
            parts.states.clear()

    def _without_echoes(
        self, wanted: list[Wanted], skipped: Tally[tuple[str, str]]
    ) -> list[Wanted]:
        take = self._parts.states.echoes.take
        kept: list[Wanted] = []
        for item in wanted:
            if item.redrive is None and take(item.subject, item.short, item.content):
                skipped[item.type_name, "duplicate"] += 1
            else:
                kept.append(item)
        return kept


def ends_of(records: Records) -> dict[TopicPartition, int]:
    """Return the offset behind the last record of each partition."""
    last = {record.partition: record for record in records}
    return {TopicPartition(r.topic, r.partition): r.offset + 1 for r in last.values()}
