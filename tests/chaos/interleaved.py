"""A city in memory whose services are each as far behind the log as a draw has them.

The same deciders as everywhere, and the promises of the log alone: a topic has one order, each
service reads all of it in that order and writes what it decides behind all that stands there. Who
reads when is drawn, and who is killed on the way. A tick is written over a settled past, and what
is told next may be folded by some while others have not come to the tick yet: so it is when a
service is killed, or slow. An enactment is written while services are behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from contracts.events import notify
from contracts.rules import RuleSet
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS, UNIT_ALERTS
from motcua.simulate import SimulatedDay, slices
from services.runtime.core.decider import Decider
from services.runtime.loop.faults import Point
from tests.chaos.reader import Log, Reader, is_broadcast
from tests.support.rule_sets import enactment

_DESKS_TICK = timedelta(hours=1)
_KILLS = (Point.DECIDED, Point.PUBLISHED, Point.PERSISTED)
_DANGER = 40
"""Batches after an enactment in which services are killed again and again."""


class Interleaved:
    """A city going through a plan; without a draw all is read as soon as it is there."""

    def __init__(
        self, deciders: Sequence[Decider[Any]], draw: Random | None = None, kills: float = 0.0
    ) -> None:
        """`kills`: the share of batches at which the reading service is killed."""
        self.logs: dict[str, Log] = {DOSSIER_EVENTS: [], UNIT_ALERTS: []}
        self.messages: list[Event] = []
        self._draw = draw
        self._kills = kills
        self._danger = 0
        self.readers = [Reader(decider, self.logs[decider.topic]) for decider in deciders]

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
        log = self.logs[DOSSIER_EVENTS]
        pieces = slices(simulated.requests, ends=simulated.ends)
        for number, piece in enumerate(pieces):
            told = 0
            for rules in (enacted or {}).get(number, ()):
                if self._draw is not None:
                    last, told = told, self._draw.randint(told, len(piece.events))
                    log += piece.events[last:told]
                    self._settle(self._draw.randrange(20))
                self._enacts(rules)
            log += piece.events[told:]
            self._settle()
            if ticked and (desks_ticked is None or ticked - desks_ticked >= _DESKS_TICK):
                self.logs[UNIT_ALERTS].append(ticked)
                desks_ticked = ticked
            ticked = piece.until
            log.append(ticked)
            if self._draw is None:
                self._settle()
        self._settle()
        log.append(simulated.ends)  # what follows from what the last tick brought
        self._settle()
        self.logs[UNIT_ALERTS].append(simulated.ends)
        self._settle()

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
        return [
            record
            for record in self.logs[topic]
            if not isinstance(record, datetime) and not is_broadcast(record)
        ]

    def _enacts(self, rules: RuleSet) -> None:
        for topic in self.logs.values():
            topic.append(enactment(rules))
        self._danger = _DANGER

    def _settle(self, batches: int | None = None) -> None:
        """Reads until nothing is left, or so many batches."""
        draw = self._draw
        order = list(self.readers)
        if draw is not None:
            draw.shuffle(order)  # who is slow now
        while (batches is None or batches > 0) and (
            waiting := [reader for reader in order if reader.behind]
        ):
            batches = None if batches is None else batches - 1
            if draw is None:
                self._reads(waiting[0], 1, None)
                waiting[0].commit()
                continue
            reader = draw.choice(waiting) if draw.random() < 0.1 else waiting[0]
            kills = self._kills * 10 if self._danger else self._kills
            self._danger = max(0, self._danger - 1)
            killed_at = draw.choice(_KILLS) if draw.random() < kills else None
            self._reads(reader, draw.choice((1, 1, 2, 5)), killed_at)
            if draw.random() < 0.2:
                reader.commit()

    def _reads(self, reader: Reader, most: int, killed_at: Point | None) -> None:
        for event in reader.batch(most, killed_at):
            self.logs.get(event.data.TOPIC, self.messages).append(event)


def _said(events: Sequence[Event]) -> dict[str, str]:
    found: dict[str, str] = {}
    for event in events:
        what = f"{event.subject} {event.time.isoformat()} {event.data!r}"
        known = found.setdefault(event.id, what)
        assert known == what, f"one id says two things:\n{known}\n{what}"
    return found
