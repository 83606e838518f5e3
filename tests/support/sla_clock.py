"""A dossier as sla keeps it, driven as the engine drives it, with all that sla said about it.

Its procedure takes three working days, at a unit that works from 7:30 to 11:30 and from 13:00 to
17:00. Times are Vietnam's.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from contracts.events import sla
from contracts.model import EventData
from contracts.wire.envelope import Event
from services.runtime.core.handle import fire_timers, handle
from services.runtime.core.stored import Stored
from services.sla.deciding.decider import SlaDecider
from services.sla.dossier.fold import alert_of
from services.sla.dossier.state import Assessment, Sla
from tests.support.event import CODE
from tests.support.facts import (
    received,
    routed,
    started,
)
from tests.support.rule_sets import WORLD
from tests.support.times import at

DECIDER = SlaDecider()
END = at(30)
DUE = at(7)
"""Monday 8:00 and three working days: Thursday 8:00."""
LETTER_BY = at(6)
"""A working day before."""
REMARK = started()


class Clock:
    """A dossier as sla keeps it, with all that sla said about it."""

    def __init__(self, begin: bool = True, **other: Any) -> None:
        self.stored: Stored[Sla] = Stored(CODE, 0, DECIDER.initial(CODE))
        self.said: list[Event] = []
        self.count = 0
        if begin:
            self.told(received(**other), at(4))
            self.told(routed(), at(4))

    @property
    def state(self) -> Sla:
        return self.stored.state

    @property
    def assessment(self) -> Assessment:
        assert self.state.assessment is not None
        return self.state.assessment

    def told(self, data: EventData, time: datetime, *, history: bool = False) -> list[str]:
        self.count += 1
        return self.heard(Event(f"e-{self.count}", "/x", CODE, time, data, history=history))

    def heard(self, event: Event) -> list[str]:
        return self._say(handle(DECIDER, WORLD, self.stored, event))

    def passes(self, time: datetime) -> list[str]:
        return self._say(fire_timers(DECIDER, WORLD, self.stored, time))

    def _say(self, events: list[Event]) -> list[str]:
        self.said += events
        return [e.data.NAME for e in events]

    @property
    def soon_at(self) -> datetime:
        return next(e.at for e in self.assessment.expected if e.kind == "DossierSoonDue")

    def last(self, kind: type[Any]) -> Any:
        return [e.data for e in self.said if isinstance(e.data, kind)][-1]

    @property
    def all_net(self) -> Counter[tuple[str, datetime]]:
        """The alerts that stand, as those who read the log count them."""
        said = {e.id: e for e in self.said}
        for event in list(said.values()):
            if isinstance(event.data, sla.AlertRetracted):
                del said[event.data.alert_id]
        return Counter(
            (alert.kind, alert.at)
            for alert in (alert_of(e) for e in said.values() if isinstance(e.data, sla.ALERTS))
        )

    @property
    def net(self) -> Counter[tuple[str, datetime]]:
        """Of these, the warnings and breaches of the whole."""
        return _of_the_whole(self.all_net)

    @property
    def all_kept(self) -> Counter[tuple[str, datetime]]:
        """The alerts that stand, as sla's own state counts them."""
        return Counter((a.kind, a.at) for a in self.state.alerts if not a.retracted)

    @property
    def kept(self) -> Counter[tuple[str, datetime]]:
        """Of these, the warnings and breaches of the whole."""
        return _of_the_whole(self.all_kept)


def _of_the_whole(alerts: Counter[tuple[str, datetime]]) -> Counter[tuple[str, datetime]]:
    whole = ("DossierSoonDue", "DossierOverdue")
    return Counter({key: number for key, number in alerts.items() if key[0] in whole})
