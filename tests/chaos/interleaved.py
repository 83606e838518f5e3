"""A city in memory that goes through a simulated day, its services as far behind as it is drawn.

A tick is written over a settled past, and what is told next may be folded by some while others have
not come to the tick yet: so it is when a service is killed, or slow. An enactment is written while
services are behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from contracts.events import notify
from contracts.rules import RuleSet
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS, UNIT_ALERTS
from motcua.feed import tick
from motcua.replay import interleaved
from motcua.replay.order import CALM, Order
from motcua.simulate import SimulatedDay, slices
from services.runtime import Decider, first_world, is_broadcast
from tests.support.rule_sets import enactment

_DESKS_TICK = timedelta(hours=1)


def behind(seed: int, kills: float) -> Order:
    """Services are behind, and killed in that share of the batches."""
    return Order(seed=seed, batch=5, behind=True, kills=kills)


class Interleaved(interleaved.Interleaved):
    """A city going through a plan; in the calm order all is read as soon as it is there."""

    def __init__(self, deciders: Sequence[Decider[Any]], order: Order = CALM) -> None:
        super().__init__(deciders, first_world(), order, self._hear)
        self.messages: list[Event] = []
        self._behind = order.behind

    def goes_through(
        self,
        simulated: SimulatedDay,
        enacted: Mapping[int, Sequence[RuleSet]] | None = None,
        *,
        begins_with: RuleSet | None = None,
    ) -> None:
        """Each slice over a settled past, and its tick; units' mornings are ticked by the hour.

        `begins_with`: the set that is enacted before the day. `enacted`: the sets that are enacted
        while the slice of that number is told.
        """
        if begins_with is not None:
            self._enacts(begins_with)
        ticked = desks_ticked = None
        pieces = slices(simulated.requests, ends=simulated.ends)
        for number, piece in enumerate(pieces):
            told = 0
            for rules in (enacted or {}).get(number, ()):
                if self._behind:
                    last, told = told, self.draw.randint(told, len(piece.events))
                    self._tells(piece.events[last:told])
                    self.settle(self.draw.randrange(20))
                self._enacts(rules)
            self._tells(piece.events[told:])
            self.settle()
            if ticked and (desks_ticked is None or ticked - desks_ticked >= _DESKS_TICK):
                self.broadcast(UNIT_ALERTS, tick(ticked))
                desks_ticked = ticked
            ticked = piece.until
            self.broadcast(DOSSIER_EVENTS, tick(ticked))
            if not self._behind:
                self.settle()
        self.settle()
        # The second is for what follows from what the last tick brought.
        for topic in (DOSSIER_EVENTS, UNIT_ALERTS):
            self.broadcast(topic, tick(simulated.ends))
            self.settle()

    def said(self) -> dict[str, str]:
        """By id: what each distinct record of the dossiers' log and each message says.

        Raises AssertionError if one id says two things, on the desks' log too.
        """
        _said(self.records(UNIT_ALERTS))
        return _said([*self.records(DOSSIER_EVENTS), *self.messages])

    def states(self, service: str) -> dict[str, Any]:
        """By dossier: the state that the service has of it."""
        return {
            subject: stored.state
            for reader in self.readers
            if reader.decider.name == service and reader.decider.topic == DOSSIER_EVENTS
            for subject, stored in reader.states.items()
        }

    def unfired(self, until: datetime) -> list[str]:
        """What dossiers wait for that the clock should have brought by then, and did not."""
        return [
            f"{reader.decider.name} forgot {timer} of {subject}"
            for reader in self.readers
            if reader.decider.topic == DOSSIER_EVENTS
            for subject, stored in reader.states.items()
            if (timer := reader.timer(stored)) and not timer.own_time and timer.at < until
        ]

    def desks(self) -> dict[str, tuple[str, str | None]]:
        """By alert: the morning that it is left for, and the officer whom it names, at last."""
        found: dict[str, tuple[str, str | None]] = {}
        for event in self.records(UNIT_ALERTS):
            if isinstance(event.data, notify.UnitAlerted):
                found[event.data.alert_id] = event.data.morning, event.data.lead
            elif isinstance(event.data, notify.UnitAlertCleared):
                found.pop(event.data.alert_id, None)
        return found

    def records(self, topic: str) -> list[Event]:
        """What stands on a topic, but for what is broadcast."""
        return [record for log in self.logs[topic] for record in log if not is_broadcast(record)]

    def _tells(self, events: Sequence[Event]) -> None:
        for event in events:
            self.write(event)

    def _enacts(self, rules: RuleSet) -> None:
        for topic in self.logs:
            self.broadcast(topic, enactment(rules))
        self.endanger()

    def _hear(self, event: Event) -> None:
        if event.data.TOPIC not in self.logs:
            self.messages.append(event)


def _said(events: Sequence[Event]) -> dict[str, str]:
    found: dict[str, str] = {}
    for event in events:
        what = f"{event.subject} {event.time.isoformat()} {event.data!r}"
        known = found.setdefault(event.id, what)
        assert known == what, f"one id says two things:\n{known}\n{what}"
    return found
