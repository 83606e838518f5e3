"""Many deciders in one process: no broker, no database, the stream clock.

They are the same deciders and the same `handle` as the engine's, over states in memory. What one of
them decides goes to all of them, in one order. So a stream replayed here ends in the same states
and facts as through real Kafka and MongoDB.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from contracts.events.rules import RulesEnacted
from contracts.wire.envelope import Event, short_id
from services.runtime.core.decider import Decider
from services.runtime.core.handle import fire_timers, handle
from services.runtime.core.stored import Stored
from services.runtime.core.world import World, first_world, widened


class InProcess:
    """Deciders and their states, fed by hand."""

    def __init__(self, deciders: Sequence[Decider[Any]]) -> None:
        """Take the first decider's topic as the log that all are fed from."""
        self._topic = deciders[0].topic
        self.world: World = first_world()
        self.deciders = {self._key(d): d for d in deciders}
        """By the service's name; for deciders of other topics, by name and collection."""
        self.states: dict[str, dict[str, Stored[Any]]] = {name: {} for name in self.deciders}
        self.log: list[Event] = []
        """What would be on the log, in order."""
        self.elsewhere: list[Event] = []
        """What went to other topics."""

    def feed(self, events: Iterable[Event]) -> None:
        """Put events on the log together and let the services come to rest.

        Their decisions go behind all of the events, as on a log that many write to.
        """
        self._settle(events)

    def tick(self, before: datetime) -> None:
        """Fire every timer that had passed before that time, the longest due first."""
        while due := sorted(self._due(before), key=lambda d: (d[0], d[1], d[2])):
            _, subject, name = due[0]
            decider = self.deciders[name]
            for fired in fire_timers(decider, self.world, self.states[name][subject], before):
                self._settle([fired])

    def _due(self, before: datetime) -> Iterator[tuple[datetime, str, str]]:
        for name, decider in self.deciders.items():
            for subject, stored in self.states[name].items():
                timer = decider.timer(self.world, stored.state)
                if timer is not None and not timer.own_time and timer.at < before:
                    yield timer.at, subject, name

    def _settle(self, events: Iterable[Event]) -> None:
        queue = deque(events)
        while queue:
            event = queue.popleft()
            if isinstance(event.data, RulesEnacted):
                self.world = widened(self.world, event.data)
            (self.log if self._topic == event.data.TOPIC else self.elsewhere).append(event)
            for name, decider in self.deciders.items():
                if decider.topic != event.data.TOPIC:
                    continue
                if event.type not in decider.facts and event.type not in decider.requests:
                    continue
                stored = self.states[name].get(event.subject)
                if stored is None:
                    stored = Stored(event.subject, 0, decider.initial(event.subject))
                    self.states[name][event.subject] = stored
                if not stored.knows(short_id(event.id)):
                    queue.extend(handle(decider, self.world, stored, event))

    def _key(self, decider: Decider[Any]) -> str:
        if decider.topic == self._topic:
            return decider.name
        return f"{decider.name}:{decider.collection}"
