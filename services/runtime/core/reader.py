"""One service's reading of one topic in memory, as the engine reads it, and as it is killed.

Beside `InMemory`, which lets every service hear everything at once, a reader is as far behind the
log as its caller has it. What is here in the database's place outlives a kill, the worlds too; what
was read since the last commit is read again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from heapq import heappop, heappush
from operator import attrgetter
from typing import Any

from contracts.events.clock import ClockTicked
from contracts.events.rules import RulesEnacted
from contracts.events.world import WorldFact
from contracts.wire.envelope import Event
from services.runtime.core.decider import Decider, Timer
from services.runtime.core.handle import fire_timers, handle, set_due
from services.runtime.core.stored import Stored, mark_of
from services.runtime.core.world import World, widened

Log = list[Event]
"""One partition of a topic."""


class Killed(StrEnum):
    """When a service is killed: what the name says has been done."""

    DECIDED = "decided"
    PUBLISHED = "published"
    PERSISTED = "persisted"


class SaidOtherwise(Exception):
    """A record has come back with another content: one id says two things."""


def is_broadcast(record: Event) -> bool:
    """Return whether every service's world or time changes by it."""
    return isinstance(record.data, ClockTicked | WorldFact)


class Reader:
    """One service's reading of one topic, partition by partition."""

    def __init__(self, decider: Decider[Any], log: Sequence[Log], world: World) -> None:
        """`log`: the partitions, which grow meanwhile. `world`: before anything is enacted."""
        self.decider = decider
        self.states: dict[str, Stored[Any]] = {}
        """The database."""
        self.kills = 0
        self._log = log
        self._next = [0] * len(log)
        self._committed = [0] * len(log)
        self._worlds = [world] * len(log)
        self._timers: list[list[tuple[datetime, str]]] = [[] for _ in log]
        self._waits: dict[str, datetime] = {}
        """By subject: the time for which it was put among the timers last."""

    def waiting(self) -> list[int]:
        """Return the partitions that have something to read."""
        return [at for at, log in enumerate(self._log) if self._next[at] < len(log)]

    def batch(self, partition: int, most: int = 1, killed: Killed | None = None) -> list[Event]:
        """Read up to so many records, or one broadcast; return what stands on the log of it.

        Raise SaidOtherwise, and whatever the decider raises.
        """
        apart = killed is Killed.DECIDED or killed is Killed.PUBLISHED
        changed: dict[str, Stored[Any]] = {}
        log, begin = self._log[partition], self._next[partition]
        world = self._worlds[partition]
        end = begin
        said: list[Event] = []
        if is_broadcast(first := log[begin]):
            end += 1
            if isinstance(first.data, WorldFact):
                world = widened(world, first.data)
                if isinstance(first.data, RulesEnacted):
                    self._wake(changed, partition, world, apart=apart)
            else:
                said = self._fire(changed, partition, first.time, apart=apart)
        else:
            for record in log[begin : begin + most]:
                if is_broadcast(record):
                    break
                said += self._handle(changed, partition, record, apart=apart)
                end += 1
            for stored in changed.values():
                set_due(self.decider, world, stored)
        if apart:
            return self._is_killed(said if killed is Killed.PUBLISHED else [])
        self.states.update(changed)
        self._worlds[partition] = world
        for stored in changed.values():
            self._wait(stored)
        if killed is not None:
            return self._is_killed(said)
        self._next[partition] = end
        return said

    def commit(self) -> None:
        """Have nothing read again that was read."""
        self._committed = list(self._next)

    def timer(self, stored: Stored[Any]) -> Timer | None:
        """Return what a subject waits for."""
        return self.decider.timer(self._worlds[stored.partition], stored.state)

    def _is_killed(self, published: list[Event]) -> list[Event]:
        self.kills += 1
        self._next = list(self._committed)
        return published

    def _handle(
        self, changed: dict[str, Stored[Any]], partition: int, record: Event, *, apart: bool
    ) -> list[Event]:
        decider = self.decider
        if record.type not in decider.facts and record.type not in decider.requests:
            return []
        stored = self._load(changed, partition, record.subject, apart=apart)
        short, content = mark = mark_of(record)
        if stored.knows(short):
            if stored.differs(short, content):
                raise SaidOtherwise(f"{decider.name} knows another: {record}")
            return []
        return handle(decider, self._worlds[partition], stored, record, mark)

    def _wake(
        self, changed: dict[str, Stored[Any]], partition: int, world: World, *, apart: bool
    ) -> None:
        if (at := self.decider.woken(world)) is None:
            return
        for subject, stored in self.states.items():
            asleep = stored.due is None or stored.due > at
            if asleep and stored.partition == partition and self._is_waking(stored.state):
                self._load(changed, partition, subject, apart=apart).due = at

    def _is_waking(self, state: Any) -> bool:
        return all(_meets(state, *each) for each in (self.decider.waking or {}).items())

    def _fire(
        self, changed: dict[str, Stored[Any]], partition: int, before: datetime, *, apart: bool
    ) -> list[Event]:
        heap, world = self._timers[partition], self._worlds[partition]
        due = []
        while heap and heap[0][0] < before:
            at, subject = heappop(heap)
            if self.states[subject].due == at:
                due.append((at, subject))
        if apart:
            for each in due:
                heappush(heap, each)
        said: list[Event] = []
        for _, subject in due:
            stored = self._load(changed, partition, subject, apart=apart)
            said += fire_timers(self.decider, world, stored, before)
            set_due(self.decider, world, stored)
        return said

    def _wait(self, stored: Stored[Any]) -> None:
        due, subject = stored.due, stored.subject
        if due is None:
            self._waits.pop(subject, None)
        elif self._waits.get(subject) != due:
            self._waits[subject] = due
            heappush(self._timers[stored.partition], (due, subject))

    def _load(
        self, changed: dict[str, Stored[Any]], partition: int, subject: str, *, apart: bool
    ) -> Stored[Any]:
        """Return the subject as the batch has it: apart from the database's, if that is to stay."""
        if (stored := changed.get(subject)) is None:
            known = self.states.get(subject)
            if known is None:
                stored = Stored(subject, partition, self.decider.initial(subject))
            elif apart:
                stored = Stored(subject, partition, known.state)
                stored.restore(known.copy())
                stored.due = known.due
            else:
                stored = known
            changed[subject] = stored
        return stored


def _meets(state: Any, path: str, wanted: object) -> bool:
    """Return whether a state meets a condition in MongoDB's terms, as far as deciders use them."""
    found = attrgetter(path.removeprefix("state."))(state)
    if isinstance(wanted, Mapping):
        if wanted != {"$type": "date"}:
            raise NotImplementedError(f"{path}: {wanted}")
        return isinstance(found, datetime)
    return bool(found == wanted)
