"""A broker in memory: topics, partitions, transactions with their markers, groups with generations.

It does what the engine relies on, and no more kindly than a real one: who has left a group is found
out when the session is over, offsets of an earlier generation are not taken, an unfinished
transaction holds its readers up, and what a writer has sent arrives though the writer is dead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, ProducerFenced

from contracts.wire.topics import TOPICS
from tests.simulation.chances import Chances

_EPOCH_MS = 1_773_187_200_000
"""2026-03-11 00:00 UTC: the broker's time at the beginning of a run."""


class _End(StrEnum):
    OPEN = "open"
    COMMITTED = "committed"
    ABORTED = "aborted"


@dataclass(eq=False)
class Transaction:
    """One transaction, and the partitions that it wrote to."""

    end: _End = _End.OPEN
    places: dict[TopicPartition, None] = field(default_factory=dict)


class Entry(NamedTuple):
    """What stands at one offset: a record, or a transaction's marker (without headers)."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] | None
    stamp: int
    transaction: Transaction | None = None


class Broker:
    """The topics of the contracts, and the groups that read them."""

    def __init__(self, chances: Chances, partitions: int, session: float) -> None:
        """`session`: seconds after which a group gives up a member that is not heard of."""
        self.chances = chances
        self.session = session
        self.log: dict[TopicPartition, list[Entry]] = {
            TopicPartition(topic.name, number): []
            for topic in TOPICS
            for number in range(partitions if topic.partitioned else 1)
        }
        self.groups: dict[str, Group] = {}
        self.is_back = asyncio.Event()
        self.is_back.set()
        self._grown = asyncio.Event()
        self._writers: dict[str, tuple[int, Transaction | None]] = {}

    # -- topics -----------------------------------------------------------------------------

    def partitions(self, topic: str) -> list[int]:
        return [tp.partition for tp in self.log if tp.topic == topic]

    def append(
        self, tp: TopicPartition, records: Sequence[Any], transaction: Transaction | None = None
    ) -> None:
        """Put records at the end of a partition."""
        if transaction is not None:
            transaction.places[tp] = None
        self.log[tp] += [
            Entry(r.key, r.value, tuple(r.headers), self.stamp(), transaction) for r in records
        ]
        self._tell()

    def stamp(self) -> int:
        return _EPOCH_MS + int(asyncio.get_running_loop().time() * 1000)

    async def grown(self, timeout: float) -> None:
        """Wait until something new stands on any topic."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._grown.wait(), timeout)

    def read(
        self, tp: TopicPartition, offset: int, most: int, *, committed: bool
    ) -> tuple[list[ConsumerRecord[Any, Any]], int]:
        """Return records from an offset on, and the offset behind all that was passed over."""
        found: list[ConsumerRecord[Any, Any]] = []
        entries = self.log[tp]
        while offset < len(entries) and len(found) < most:
            entry = entries[offset]
            transaction = entry.transaction
            if transaction is not None and committed and transaction.end is _End.OPEN:
                break
            wanted = entry.headers is not None and not (
                committed and transaction is not None and transaction.end is _End.ABORTED
            )
            if wanted:
                found.append(_record(tp, offset, entry))
            offset += 1
        return found, offset

    def records(self, topic: str) -> list[ConsumerRecord[Any, Any]]:
        """All that stands on a topic for those who read what is committed."""
        return [
            record
            for tp in self.log
            if tp.topic == topic
            for record in self.read(tp, 0, 1 << 62, committed=True)[0]
        ]

    # -- transactions -----------------------------------------------------------------------

    def take_over(self, name: str) -> int:
        """Make this the only writer under a transactional id; return its epoch."""
        epoch, open_one = self._writers.get(name, (0, None))
        if open_one is not None:
            self._end(open_one, _End.ABORTED)
        self._writers[name] = epoch + 1, None
        return epoch + 1

    def begin(self, name: str, epoch: int, timeout: float) -> Transaction:
        self._check(name, epoch)
        transaction = Transaction()
        self._writers[name] = epoch, transaction
        self._later(timeout, lambda: self._end(transaction, _End.ABORTED))
        return transaction

    def end(self, name: str, epoch: int, *, commit: bool) -> None:
        """End a writer's transaction. Raise ProducerFenced if it is not the writer any more."""
        self._check(name, epoch)
        transaction = self._writers[name][1]
        assert transaction is not None
        if transaction.end is not _End.OPEN:
            raise ProducerFenced
        self._end(transaction, _End.COMMITTED if commit else _End.ABORTED)
        self._writers[name] = epoch, None

    def check(self, name: str, epoch: int, transaction: Transaction) -> None:
        """Raise ProducerFenced if the transaction is not this writer's any more."""
        self._check(name, epoch)
        if transaction.end is not _End.OPEN:
            raise ProducerFenced

    def _check(self, name: str, epoch: int) -> None:
        if self._writers.get(name, (0, None))[0] != epoch:
            raise ProducerFenced

    def _end(self, transaction: Transaction, end: _End) -> None:
        if transaction.end is not _End.OPEN:
            return
        transaction.end = end
        for tp in transaction.places:
            self.log[tp].append(Entry(None, None, None, self.stamp(), transaction))
        self._tell()

    # -- groups -----------------------------------------------------------------------------

    def group(self, name: str, topic: str) -> Group:
        found = self.groups.get(name)
        if found is None:
            found = self.groups[name] = Group(self, topic)
        return found

    def lost(self, owner: str) -> None:
        """An instance is not heard of: its groups go on without it when its session is over."""
        for group in self.groups.values():
            for member in group.members:
                if member.owner == owner:
                    self._later(self.session, partial(group.give_up, member))

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        """The broker's own affair, whoever caused it."""
        asyncio.get_running_loop().call_later(seconds, act, context=Context())

    def _tell(self) -> None:
        self._grown.set()
        self._grown = asyncio.Event()


@dataclass(eq=False)
class Member:
    """One consumer in a group."""

    owner: str
    is_alive: Callable[[], bool]
    """Whether it is heard of."""
    called: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it must join anew."""
    generation: int = 0
    joined: asyncio.Future[set[int]] | None = None


class Group:
    """The instances that share a topic."""

    def __init__(self, broker: Broker, topic: str) -> None:
        self.committed: dict[int, int] = {}
        self.members: list[Member] = []
        self.generation = 0
        self._broker = broker
        self.topic = topic

    async def join(self, member: Member) -> set[int]:
        """Join anew; return the partitions once all members have joined."""
        if member not in self.members:
            self.members.append(member)
        joined: asyncio.Future[set[int]] = asyncio.get_running_loop().create_future()
        member.joined = joined
        for other in self.members:
            if other.joined is None:
                other.called.set()
        self._complete()
        return await joined

    def leave(self, member: Member) -> None:
        """Go without waiting for the session's end."""
        if member in self.members:
            self.members.remove(member)
            member.generation = -1
            self._call_all()

    def give_up(self, member: Member) -> None:
        """Go on without a member, if it is still not heard of."""
        if not member.is_alive():
            self.leave(member)
            member.called.set()  # if it comes back, it finds that it is known no more

    def commit(self, member: Member, offsets: dict[int, int]) -> None:
        """Keep offsets. Raise CommitFailedError for those of an earlier generation."""
        if member not in self.members or member.generation != self.generation:
            raise CommitFailedError("the group has rebalanced")
        self.committed |= offsets

    def _call_all(self) -> None:
        for member in self.members:
            if member.joined is None:
                member.called.set()
        self._complete()

    def _complete(self) -> None:
        if not self.members or any(m.joined is None for m in self.members):
            return
        draw = self._broker.chances
        partitions = self._broker.partitions(self.topic)
        members = list(self.members)
        if not draw.calm:
            draw.draw.shuffle(members)
            draw.draw.shuffle(partitions)
        self.generation += 1
        for number, member in enumerate(members):
            member.generation = self.generation
            future, member.joined = member.joined, None
            assert future is not None
            if not future.done():
                future.set_result(set(partitions[number :: len(members)]))


def _record(tp: TopicPartition, offset: int, entry: Entry) -> ConsumerRecord[Any, Any]:
    return ConsumerRecord(
        topic=tp.topic,
        partition=tp.partition,
        offset=offset,
        timestamp=entry.stamp,
        timestamp_type=1,
        key=entry.key,
        value=entry.value,
        checksum=None,
        serialized_key_size=len(entry.key or b""),
        serialized_value_size=len(entry.value or b""),
        headers=entry.headers or (),
    )
