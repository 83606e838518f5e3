"""A city in memory whose services are each as far behind the log as a draw has them.

The same deciders as everywhere, and the promises of the log alone: a topic has one order, each
service reads all of it in that order and writes what it decides behind all that stands there. Who
reads when is drawn. A tick is written over a settled past, and what is told next may be folded by
some while others have not come to the tick yet: so it is when a service is killed, or slow.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from contracts.events import notify
from contracts.wire.envelope import Event, short_id
from contracts.wire.topics import DOSSIER_EVENTS, UNIT_ALERTS
from motcua.simulate import SimulatedDay, slices
from services.runtime.core.decider import Decider
from services.runtime.core.handle import fire_timers, handle
from services.runtime.core.stored import Stored
from tests.support.rule_sets import WORLD

_DESKS_TICK = timedelta(hours=1)


class _Reader:
    """One service's reading of one topic."""

    def __init__(self, decider: Decider[Any], log: list[Event | datetime]) -> None:
        self.decider = decider
        self.states: dict[str, Stored[Any]] = {}
        self._log = log
        self._offset = 0

    @property
    def behind(self) -> bool:
        return self._offset < len(self._log)

    def read(self) -> list[Event]:
        """What the next record comes to."""
        record = self._log[self._offset]
        self._offset += 1
        if isinstance(record, datetime):
            return self._fired(record)
        decider = self.decider
        if record.type not in decider.facts and record.type not in decider.requests:
            return []
        stored = self.states.get(record.subject)
        if stored is None:
            stored = Stored(record.subject, 0, decider.initial(record.subject))
            self.states[record.subject] = stored
        return [] if stored.knows(short_id(record.id)) else handle(decider, WORLD, stored, record)

    def _fired(self, before: datetime) -> list[Event]:
        due = []
        for subject, stored in self.states.items():
            timer = self.decider.timer(WORLD, stored.state)
            if timer is not None and not timer.own_time and timer.at < before:
                due.append((timer.at, subject))
        return [
            event
            for _, subject in sorted(due)
            for event in fire_timers(self.decider, WORLD, self.states[subject], before)
        ]


class Interleaved:
    """A city going through a plan; without a draw all is read as soon as it is there."""

    def __init__(self, deciders: Sequence[Decider[Any]], draw: Random | None = None) -> None:
        self.logs: dict[str, list[Event | datetime]] = {DOSSIER_EVENTS: [], UNIT_ALERTS: []}
        self.messages: list[Event] = []
        self._draw = draw
        self._readers = [_Reader(decider, self.logs[decider.topic]) for decider in deciders]

    def goes_through(self, simulated: SimulatedDay) -> None:
        """Each slice over a settled past, and its tick; units' mornings are ticked by the hour."""
        ticked = desks_ticked = None
        for piece in slices(simulated.requests, ends=simulated.ends):
            self.logs[DOSSIER_EVENTS] += piece.events
            self._settle()
            if ticked and (desks_ticked is None or ticked - desks_ticked >= _DESKS_TICK):
                self.logs[UNIT_ALERTS].append(ticked)
                desks_ticked = ticked
            ticked = piece.until
            self.logs[DOSSIER_EVENTS].append(ticked)
            if self._draw is None:
                self._settle()
        self._settle()

    def said(self) -> dict[str, str]:
        """By id: what each distinct record of the log and each message says."""
        return {
            event.id: f"{event.subject} {event.time.isoformat()} {event.data!r}"
            for event in (*self.records(DOSSIER_EVENTS), *self.messages)
        }

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
        """What stands on a topic, but for the ticks."""
        return [record for record in self.logs[topic] if isinstance(record, Event)]

    def _settle(self) -> None:
        order = list(self._readers)
        if self._draw is not None:
            self._draw.shuffle(order)  # who is slow now
        while waiting := [reader for reader in order if reader.behind]:
            some = self._draw is not None and self._draw.random() < 0.1
            reader = self._draw.choice(waiting) if some and self._draw else waiting[0]
            for event in reader.read():
                self.logs.get(event.data.TOPIC, self.messages).append(event)
