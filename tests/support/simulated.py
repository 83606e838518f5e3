"""What is read out of a drawn plan."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from contracts.events import intake
from contracts.model import EventData
from contracts.wire.envelope import Event
from motcua.simulate import SimulatedDay


def distinct(requests: Iterable[Event]) -> list[Event]:
    return list({event.id: event for event in requests}.values())


def by_dossier(requests: Iterable[Event]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = defaultdict(list)
    for event in distinct(requests):
        found[event.subject].append(event)
    return found


def of(kind: type[EventData], simulated: SimulatedDay) -> list[Event]:
    return [event for event in distinct(simulated.requests) if isinstance(event.data, kind)]


def near(count: int, of: int, share: float) -> bool:
    """Whether a count is within four standard deviations of what its share lets expect."""
    return abs(count - of * share) <= 4 * math.sqrt(of * share * (1 - share)) + 1


def filing_of(event: Event) -> intake.FilingForm | None:
    if isinstance(event.data, intake.RegistrationRequested):
        return event.data
    return event.data.filing if isinstance(event.data, intake.ReceptionRequested) else None


def citizens(simulated: SimulatedDay) -> dict[str, datetime]:
    """When each of them files."""
    return {f.citizen: e.time for e in simulated.requests if (f := filing_of(e))}
