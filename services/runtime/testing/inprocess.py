"""All services' decisions in one process: no broker, no database, the stream clock.

The same deciders and the same `handle` as the engine's, over states in memory. Everything that
a service decides goes to every service, in one order; so a stream replayed here ends in the
states, alerts and messages that it ends in through real Kafka and MongoDB.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from contracts.wire.envelope import Event, short_id
from contracts.wire.topics import DOSSIER_EVENTS
from services.runtime.core.decider import Decider
from services.runtime.core.handle import fire_timers, handle
from services.runtime.core.stored import Stored


class InProcess:
    """A city in memory. `log` is what would stand on the log of dossiers, in order."""

    def __init__(self, deciders: Sequence[Decider[Any]]) -> None:
        self.deciders = {_key(d): d for d in deciders}
        self.states: dict[str, dict[str, Stored[Any]]] = {name: {} for name in self.deciders}
        self.log: list[Event] = []
        self.elsewhere: list[Event] = []
        """What went to other topics: the messages, and what units are alerted to."""

    def feed(self, events: Iterable[Event]) -> None:
        """Puts events on the log together and lets the services come to rest.

        What they decide goes behind all of them, as it does on a log that many write to.
        """
        self._settle(events)

    def tick(self, before: datetime) -> None:
        """Fires every timer that had passed before that time, the longest due first."""
        while due := sorted(self._due(before), key=lambda d: (d[0], d[1], d[2])):
            _, subject, name = due[0]
            decider = self.deciders[name]
            for fired in fire_timers(decider, self.states[name][subject], before):
                self._settle([fired])

    def _due(self, before: datetime) -> Iterator[tuple[datetime, str, str]]:
        for name, decider in self.deciders.items():
            for subject, stored in self.states[name].items():
                timer = decider.timer(stored.state)
                if timer is not None and not timer.own_time and timer.at < before:
                    yield timer.at, subject, name

    def _settle(self, events: Iterable[Event]) -> None:
        queue = deque(events)
        while queue:
            event = queue.popleft()
            (self.log if event.data.TOPIC == DOSSIER_EVENTS else self.elsewhere).append(event)
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
                    queue.extend(handle(decider, stored, event))


def _key(decider: Decider[Any]) -> str:
    """A service's name for what it keeps of dossiers; with the collection for what else it has."""
    if decider.topic == DOSSIER_EVENTS:
        return decider.name
    return f"{decider.name}:{decider.collection}"
