"""What occurred in a replay, of all that can: requests, refusals, timers, alerts, messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import contracts.events  # noqa: F401  (registers every event class)
from contracts.events.notify import MessagePlanned
from contracts.events.refusals import Refusal
from contracts.events.sla import AlertKind
from contracts.model import EventData, Kind, registered
from contracts.wire.envelope import Event
from services.notify.desk.mail import TimerKind as DeskTimer
from services.notify.dossier.digests import TimerKind as NotifyTimer
from services.notify.wording.template import Template
from services.routing.succession import TimerKind as RoutingTimer
from services.runtime import Decider, Timer, World
from services.sla.deciding.rules import TimerKind as SlaTimer


class Part(StrEnum):
    """What is counted."""

    REQUESTS = "requests"
    REFUSALS = "refusals"
    TIMERS = "timers"
    ALERTS = "alerts"
    TEMPLATES = "templates"


class Coverage:
    """How often what occurred."""

    def __init__(self) -> None:
        self.counts: dict[Part, Counter[str]] = {part: Counter() for part in Part}

    def played(self, event: Event) -> None:
        """Count a record that reaches a service."""
        if event.data.KIND is Kind.REQUEST:
            self.counts[Part.REQUESTS][event.data.NAME] += 1

    def decided(self, event: Event) -> None:
        """Count a fact that is decided."""
        data = event.data
        if isinstance(data, Refusal):
            self.counts[Part.REFUSALS][data.NAME] += 1
        elif isinstance(data, MessagePlanned):
            self.counts[Part.TEMPLATES][data.template] += 1
        elif data.NAME in _ALERTS:
            self.counts[Part.ALERTS][data.NAME] += 1

    def fired(self, service: str, kind: StrEnum) -> None:
        """Count a timer."""
        self.counts[Part.TIMERS][f"{service} {kind}"] += 1

    def add(self, other: Coverage) -> None:
        """Count what another part of the replay has counted."""
        for part, counts in other.counts.items():
            self.counts[part] += counts

    def missing(self, part: Part) -> list[str]:
        """Return what never occurred, of all that can occur."""
        return sorted(known(part) - self.counts[part].keys())


_ALERTS = frozenset(AlertKind)


def known(part: Part) -> set[str]:
    """Return all that can occur."""
    match part:
        case Part.REQUESTS:
            return {cls.NAME for cls in registered().values() if cls.KIND is Kind.REQUEST}
        case Part.REFUSALS:
            return {cls.NAME for cls in registered().values() if issubclass(cls, Refusal)}
        case Part.TIMERS:
            kinds = {"routing": [*RoutingTimer], "sla": [*SlaTimer, *AlertKind]}
            kinds["notify"] = [*NotifyTimer, *DeskTimer]
            return {f"{service} {kind}" for service, of in kinds.items() for kind in of}
        case Part.ALERTS:
            return {str(kind) for kind in AlertKind}
        case Part.TEMPLATES:
            return {str(template) for template in Template}


class Watched:
    """A decider whose timers are counted. All else is the decider's own."""

    def __init__(self, decider: Decider[Any], coverage: Coverage) -> None:
        self.name, self.topic, self.collection = decider.name, decider.topic, decider.collection
        self.subject_pattern, self.waking = decider.subject_pattern, decider.waking
        self.requests, self.facts = decider.requests, decider.facts
        self.state_type = decider.state_type
        self.initial, self.decide, self.evolve = decider.initial, decider.decide, decider.evolve
        self.react, self.timer, self.woken = decider.react, decider.timer, decider.woken
        self._decider = decider
        self._coverage = coverage

    def fire(self, world: World, state: Any, timer: Timer) -> Sequence[EventData]:
        """Count the timer, and fire it."""
        self._coverage.fired(self.name, timer.kind)
        return self._decider.fire(world, state, timer)
