"""One service's reading of one topic in memory, as the engine reads it, and as it is killed.

What is here in the database's place outlives a kill, the world too; what was read since the last
commit is read again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from contracts.events.rules import RulesEnacted
from contracts.wire.envelope import Event
from services.runtime import Timer, World, first_world
from services.runtime.core.decider import Decider
from services.runtime.core.handle import fire_timers, handle, set_due
from services.runtime.core.stored import Stored, mark_of
from services.runtime.core.world import widened
from services.runtime.loop.faults import Point
from services.shared.open_dossiers import OPEN

Log = list[Event | datetime]
"""Events, ticks by their time, and enactments, which are events of the city's rules."""


def is_broadcast(record: Event | datetime) -> bool:
    """Whether every service's world or time changes by it."""
    return isinstance(record, datetime) or isinstance(record.data, RulesEnacted)


class Reader:
    """One service's reading of one topic."""

    def __init__(self, decider: Decider[Any], log: Log) -> None:
        self.decider = decider
        self.states: dict[str, Stored[Any]] = {}
        """The database."""
        self.kills = 0
        self._log = log
        self._next = 0
        self._world = first_world()
        self._committed = self._next

    @property
    def behind(self) -> bool:
        return self._next < len(self._log)

    def batch(self, most: int = 1, killed_at: Point | None = None) -> list[Event]:
        """What up to so many records come to, or a broadcast; a kill leaves the rest undone."""
        changed: dict[str, Stored[Any]] = {}
        begin = end = self._next
        world = self._world
        if is_broadcast(self._log[begin]):
            end += 1
            world, said = self._hears(changed, self._log[begin])
        else:
            said = []
            for record in self._log[begin : begin + most]:
                if isinstance(record, datetime) or is_broadcast(record):
                    break
                said += self._handles(changed, record)
                end += 1
            for stored in changed.values():
                set_due(self.decider, world, stored)
        if killed_at is Point.DECIDED:
            return self._is_killed([])
        if killed_at is Point.PUBLISHED:
            return self._is_killed(said)
        self.states |= changed
        self._world = world
        if killed_at is Point.PERSISTED:
            return self._is_killed(said)
        self._next = end
        return said

    def timer(self, stored: Stored[Any]) -> Timer | None:
        """What a subject waits for."""
        return self.decider.timer(self._world, stored.state)

    def commit(self) -> None:
        """What was read is not read again."""
        self._committed = self._next

    def _is_killed(self, published: list[Event]) -> list[Event]:
        self.kills += 1
        self._next = self._committed
        return published

    def _handles(self, changed: dict[str, Stored[Any]], record: Event) -> list[Event]:
        decider = self.decider
        if record.type not in decider.facts and record.type not in decider.requests:
            return []
        stored = self._load(changed, record.subject)
        short, content = mark = mark_of(record)
        if stored.knows(short):
            assert not stored.differs(short, content), f"{decider.name} knows another: {record}"
            return []
        return handle(decider, self._world, stored, record, mark)

    def _hears(
        self, changed: dict[str, Stored[Any]], record: Event | datetime
    ) -> tuple[World, list[Event]]:
        if isinstance(record, datetime):
            return self._world, self._fires(changed, record)
        assert isinstance(record.data, RulesEnacted)
        world = widened(self._world, record.data)
        if (at := self.decider.woken(world)) is not None:
            assert self.decider.waking is OPEN
            for subject, stored in self.states.items():
                span = stored.state.span
                asleep = stored.due is None or stored.due > at
                if asleep and span.received_at is not None and span.ended_at is None:
                    self._load(changed, subject).due = at
        return world, []

    def _fires(self, changed: dict[str, Stored[Any]], before: datetime) -> list[Event]:
        due = sorted(
            (stored.due, subject)
            for subject, stored in self.states.items()
            if stored.due is not None and stored.due < before
        )
        said = []
        for _, subject in due:
            stored = self._load(changed, subject)
            said += fire_timers(self.decider, self._world, stored, before)
            set_due(self.decider, self._world, stored)
        return said

    def _load(self, changed: dict[str, Stored[Any]], subject: str) -> Stored[Any]:
        """The subject as the batch has it, apart from the database's."""
        if (stored := changed.get(subject)) is None:
            known = self.states.get(subject)
            initial = self.decider.initial(subject) if known is None else known.state
            stored = changed[subject] = Stored(subject, 0, initial)
            if known is not None:
                stored.restore(known.copy())
                stored.due = known.due
        return stored
