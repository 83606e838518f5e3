"""Brings a recording to a city's services in another order."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from contracts.events.world import WorldFact
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS, UNIT_ALERTS
from motcua.feed import tick
from motcua.replay.expected import is_decided
from motcua.replay.header import Header
from motcua.replay.interleaved import Interleaved
from motcua.replay.lines import Recorded
from motcua.replay.order import Order
from services.runtime import ClockKind, Decider, World, first_world, is_broadcast

_BETWEEN = 50
"""Requests between two ticks that a city by the wall clock is given: it has none."""


class Ordered:
    """A city that is asked what a recording has, in that order; it keeps its log in memory.

    As in a live city, a tick is written over a settled past: that of the units' mornings too, after
    the dossiers'. What is enacted is enacted while services are behind.
    """

    def __init__(
        self,
        deciders: Sequence[Decider[Any]],
        header: Header,
        order: Order,
        heard: Callable[[Event], None],
    ) -> None:
        """`heard` is told all that is asked and all that is decided, repetitions too."""
        before = next((one for one in header.rules if not one.number), None)
        world = first_world() if before is None else World((before,))
        self._city = Interleaved(deciders, world, order, heard)
        self._draw = self._city.draw
        self._order = order
        self._header = header
        self._heard = heard
        self._asked: list[Event] = []
        self._subjects: set[str] = set()
        """Whose record is among what was asked and may not be answered yet."""
        self._held: Event | None = None
        """A tick of the units' mornings that comes late."""
        self._seen: Counter[tuple[str, str]] = Counter()
        self._last: datetime | None = None
        """Of the newest tick of the recording."""
        self._ticked: datetime | None = None
        """Of the newest that the dossiers were brought."""

    def states(self) -> Iterator[tuple[Decider[Any], str, Any]]:
        """Yield each state, with its decider and its subject."""
        for reader in self._city.readers:
            for subject, stored in reader.states.items():
                yield reader.decider, subject, stored.state

    def play(self, records: Iterable[Recorded]) -> None:
        """Bring everything, to the end. Raise what a service raises."""
        wall = self._header.clock is ClockKind.WALL
        for record in records:
            event = record.event
            if is_broadcast(event):
                if self._is_everywhere(record):
                    self._broadcast(record.topic, event)
            elif not is_decided(event):
                self._make_way(event, wall=wall)
                self._asked.append(event)
        self._tick(self._header.until if wall or self._last is None else self._last, last=True)

    def _make_way(self, event: Event, *, wall: bool) -> None:
        """Have all decided that whoever asks next may have seen, and bring a wall clock's time."""
        again = event.subject in self._subjects
        if again or (wall and len(self._subjects) >= _BETWEEN):
            self._ask()
            self._city.settle()
        if wall and not self._subjects:
            self._tick(event.known_since)
        self._subjects.add(event.subject)

    def _is_everywhere(self, record: Recorded) -> bool:
        """Return whether what is broadcast has come to the last of its partitions."""
        place = record.topic, record.event.id
        self._seen[place] += 1
        return self._seen[place] == self._header.partitions

    def _broadcast(self, topic: str, event: Event) -> None:
        if isinstance(event.data, WorldFact):
            self._ask(self._draw.randint(0, len(self._asked)) if self._order.behind else None)
            self._city.settle(self._draw.randrange(20) if self._order.behind else None)
            self._city.broadcast(topic, event)
            self._city.endanger()
        elif topic == DOSSIER_EVENTS:
            self._last = event.time
            self._ask()
            self._city.settle()
            self._release()
            if not self._is_late():
                self._city.broadcast(topic, event)
                self._ticked = event.time
        else:
            self._held = event
            if not self._is_late():
                self._ask()
                self._city.settle()
                self._release()

    def _tick(self, time: datetime, *, last: bool = False) -> None:
        """Tick dossiers, then mornings; at the last, what comes of a tick is ticked too."""
        self._ask()
        self._city.settle()
        self._release()
        for topic in (DOSSIER_EVENTS, UNIT_ALERTS):
            for _ in range(2 if last else 1):
                self._city.broadcast(topic, tick(time))
                self._city.settle()

    def _is_late(self) -> bool:
        return self._draw.random() < self._order.late

    def _release(self) -> None:
        """Tick the units' mornings, if the dossiers have come to that time."""
        if self._held is None or self._ticked is None:
            return
        if self._held.time <= self._ticked:
            self._city.broadcast(UNIT_ALERTS, self._held)
            self._held = None

    def _ask(self, count: int | None = None) -> None:
        if count is None:
            self._subjects.clear()
        asked = self._asked[:count]
        self._asked = [] if count is None else self._asked[count:]
        for event in self._shuffled(asked) if self._order.apart else asked:
            for _ in range(1 + (self._draw.random() < self._order.twice)):
                self._heard(event)
                self._city.write(event)

    def _shuffled(self, events: Sequence[Event]) -> Iterator[Event]:
        """Yield them in an order in which each dossier's are in theirs."""
        places = [event.subject for event in events]
        self._draw.shuffle(places)
        of: dict[str, deque[Event]] = {}
        for event in events:
            of.setdefault(event.subject, deque()).append(event)
        yield from (of[subject].popleft() for subject in places)
