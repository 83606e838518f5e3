"""Many deciders in one process: no broker, no database, the stream clock.

What one of them decides goes to all of them, in one order. So a stream replayed here ends in the
same states and facts as through real Kafka and MongoDB.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from contracts.events.world import WorldFact
from contracts.wire.envelope import Event
from services.runtime.core.decider import Decider
from services.runtime.core.in_memory import InMemory
from services.runtime.core.world import World


class InProcess:
    """Deciders and their states, fed by hand."""

    def __init__(self, deciders: Sequence[Decider[Any]], world: World | None = None) -> None:
        """Take the first decider's topic as the log that all are fed from.

        `world`: the one that counts until a set of rules is enacted; by default, the sample's.
        """
        self._topic = deciders[0].topic
        self._topics = {decider.topic for decider in deciders}
        self._memory = InMemory(deciders, world)
        self.deciders = self._memory.deciders
        self.states = self._memory.states
        self.log: list[Event] = []
        """What would be on the log, in order."""
        self.elsewhere: list[Event] = []
        """What went to other topics."""

    @property
    def world(self) -> World:
        """The sets of rules that were enacted so far."""
        return self._memory.world((self._topic, 0))

    def feed(self, events: Iterable[Event]) -> None:
        """Put events on the log together and let the services come to rest.

        Their decisions go behind all of the events, as on a log that many write to.
        """
        queue = deque(events)
        while queue:
            event = queue.popleft()
            if isinstance(event.data, WorldFact):
                for topic in self._topics:
                    self._memory.enact((topic, 0), event.data)
            (self.log if self._topic == event.data.TOPIC else self.elsewhere).append(event)
            queue.extend(self._memory.apply((event.data.TOPIC, 0), event))

    def tick(self, before: datetime) -> None:
        """Fire every timer that had passed before that time, the longest due first."""
        for said in self._memory.fire_due(before):
            for event in said:
                self.feed([event])
