"""Deciders over states in memory: no broker, no database. What time brings comes from a heap.

They are the same deciders and the same `handle` as the engine's. The caller says in which order
records come, to whom it gives what they cause, and when time passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from heapq import heappop, heappush
from typing import Any, NamedTuple

from contracts.events.rules import RulesEnacted
from contracts.events.world import WorldFact
from contracts.wire.envelope import Event, short_id
from services.runtime.core.decider import Decider
from services.runtime.core.handle import fire_timers, handle, set_due
from services.runtime.core.stored import Stored
from services.runtime.core.world import World, first_world, widened

Lane = tuple[str, int]
"""One partition of one topic: what is broadcast there counts for the subjects that are in it."""


def key_of(decider: Decider[Any], home: str) -> str:
    """Return what a decider's states are found by: the service's name; for a decider of another
    topic than the log, name and collection."""
    return decider.name if decider.topic == home else f"{decider.name}:{decider.collection}"


class Passed(NamedTuple):
    """A timer that has passed. By this order, the longest due comes first."""

    at: datetime
    of_others: bool
    """Whether its decider folds what the log brings about: that comes before."""
    subject: str
    key: str
    """Of its decider."""


class InMemory:
    """Deciders, their states, and the world and the timers of each lane."""

    def __init__(
        self,
        deciders: Sequence[Decider[Any]],
        world: World | None = None,
        home: str | None = None,
    ) -> None:
        """`world`: the one that every lane begins with; by default, the sample's. `home`: the log;
        by default, the first decider's topic."""
        self._home = home = home or deciders[0].topic
        self._first = world or first_world()
        self.deciders = {key_of(decider, home): decider for decider in deciders}
        self.states: dict[str, dict[str, Stored[Any]]] = {key: {} for key in self.deciders}
        self._of_topic: dict[str, list[tuple[str, Decider[Any]]]] = {}
        for key, decider in self.deciders.items():
            self._of_topic.setdefault(decider.topic, []).append((key, decider))
        self._users: dict[tuple[str, str], list[tuple[str, Decider[Any]]]] = {}
        self._worlds: dict[Lane, World] = {}
        self._timers: dict[Lane, list[Passed]] = {}

    def world(self, lane: Lane) -> World:
        """Return what was broadcast to the lane so far."""
        return self._worlds.get(lane) or self._first

    def enact(self, lane: Lane, data: WorldFact) -> None:
        """Widen the lane's world, and look again at the timers that this may have moved."""
        self._worlds[lane] = widened(self.world(lane), data)
        if not isinstance(data, RulesEnacted):
            return  # nothing waits for who may act
        for key, decider in self._of_topic.get(lane[0], ()):
            if decider.woken(self.world(lane)) is not None:
                for stored in self.states[key].values():
                    if stored.partition == lane[1]:
                        self._wait(key, decider, stored)

    def users(self, topic: str, type_name: str) -> list[tuple[str, Decider[Any]]]:
        """Return the deciders that use a type of record on a topic, by key."""
        found = self._users.get((topic, type_name))
        if found is None:
            found = self._users[topic, type_name] = [
                (key, decider)
                for key, decider in self._of_topic.get(topic, ())
                if type_name in decider.facts or type_name in decider.requests
            ]
        return found

    def knows(self, event: Event) -> bool:
        """Return whether one of the subject's states has applied the event, or said it."""
        short = short_id(event.id)
        return any(
            (stored := states.get(event.subject)) is not None and stored.knows(short)
            for states in self.states.values()
        )

    def apply(self, lane: Lane, event: Event) -> list[Event]:
        """Apply an event to every decider of the lane's topic that uses it and has not applied it
        yet; return what it causes. Nobody has heard of that yet but whoever said it.

        Raise whatever a decider raises.
        """
        caused: list[Event] = []
        for key, decider in self.users(lane[0], event.type):
            stored = self.states[key].get(event.subject)
            if stored is None:
                stored = Stored(event.subject, lane[1], decider.initial(event.subject))
                self.states[key][event.subject] = stored
            if stored.knows(short_id(event.id)):
                continue
            before = stored.state
            caused += handle(decider, self.world(lane), stored, event)
            if stored.state is not before:
                self._wait(key, decider, stored)
        return caused

    def due(self, before: datetime, lane: Lane | None = None) -> Passed | None:
        """Return the timer, of the lane or of all, that passed longest before a time, or None."""
        lanes = self._timers if lane is None else (lane,)
        first: Passed | None = None
        for one in lanes:
            heap = self._timers.get(one)
            while heap and heap[0].at < before:
                head = heap[0]
                if self.states[head.key][head.subject].due == head.at:
                    if first is None or head < first:
                        first = head
                    break
                heappop(heap)  # the state waits for another time by now
        return first

    def fire(self, key: str, subject: str, before: datetime) -> list[Event]:
        """Fire a subject's timers that had passed before that time; return what they say."""
        decider, stored = self.deciders[key], self.states[key][subject]
        said = fire_timers(decider, self.world((decider.topic, stored.partition)), stored, before)
        self._wait(key, decider, stored)
        return said

    def fire_due(self, before: datetime, lane: Lane | None = None) -> Iterator[list[Event]]:
        """Fire what had passed before that time, the longest due first; yield what each subject
        says. What the caller applies meanwhile may move what is left."""
        while (passed := self.due(before, lane)) is not None:
            yield self.fire(passed.key, passed.subject, before)

    def _wait(self, key: str, decider: Decider[Any], stored: Stored[Any]) -> None:
        known = stored.due
        lane = (decider.topic, stored.partition)
        set_due(decider, self.world(lane), stored)
        if stored.due is not None and stored.due != known:
            heap = self._timers.setdefault(lane, [])
            of_others = decider.topic != self._home
            heappush(heap, Passed(stored.due, of_others, stored.subject, key))
