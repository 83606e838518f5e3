"""What has occurred in the runs so far, and what never has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from rich.table import Table

from contracts.events import notify, sla
from contracts.events.refusals import Refusal, RefusalReason
from contracts.model import registered
from contracts.wire.codec import decode
from motcua.deciders import city_deciders
from services.notify.desk import mail
from services.notify.dossier import digests
from services.notify.wording.template import Template
from services.routing import succession
from services.runtime import Point
from services.sla.deciding import rules
from tests.chaos.outcome import TOPICS
from tests.simulation.chances import Fault
from tests.simulation.city import Lived

_TIMERS: tuple[type[StrEnum], ...] = (
    rules.TimerKind,
    sla.AlertKind,
    succession.TimerKind,
    digests.TimerKind,
    mail.TimerKind,
)


def _requests() -> set[str]:
    types = {kind for decider in city_deciders() for kind in decider.requests}
    return {registered()[kind].NAME for kind in types if kind in registered()}


class Coverage:
    """Counts, by kind, everything that can occur."""

    def __init__(self) -> None:
        self.kinds: dict[str, set[str]] = {
            "requests": _requests(),
            "refusals": {str(r) for r in RefusalReason},
            "timers": {str(kind) for kinds in _TIMERS for kind in kinds},
            "alerts": {data.NAME for data in sla.ANNOUNCEMENTS},
            "templates": {str(t) for t in Template},
            "fault points": {str(p) for p in Point},
            "faults": {str(f) for f in Fault},
        }
        self.seen: dict[str, Counter[str]] = {kind: Counter() for kind in self.kinds}

    def see(self, lived: Lived) -> None:
        """Count a run."""
        seen, outside = self.seen, lived.outside
        seen["fault points"].update({str(p): n for p, n in outside.passed.items()})
        seen["faults"].update({str(f): n for f, n in outside.chances.happened.items()})
        seen["timers"].update(lived.timers)
        for topic in TOPICS:
            for record in outside.broker.records(topic):
                self._note(decode(record.key, record.value, record.headers).data)

    def _note(self, data: Any) -> None:
        seen = self.seen
        if data.NAME in self.kinds["requests"]:
            seen["requests"][data.NAME] += 1
        if data.NAME in self.kinds["alerts"]:
            seen["alerts"][data.NAME] += 1
        if isinstance(data, Refusal):
            seen["refusals"][str(data.reason)] += 1
        if isinstance(data, notify.MessagePlanned):
            seen["templates"][data.template] += 1

    def never(self, kind: str) -> list[str]:
        """What of a kind has not occurred."""
        return sorted(self.kinds[kind] - self.seen[kind].keys())

    def table(self) -> Table:
        """What occurred and what did not, for 80 columns."""
        table = Table("kind", "of", "seen", "times", "never", width=80)
        for kind, known in self.kinds.items():
            seen = self.seen[kind]
            there = len(known & seen.keys())
            never = ", ".join(self.never(kind))
            table.add_row(kind, str(len(known)), str(there), f"{seen.total():,}", never)
        return table


def faults_table(lived: Iterable[tuple[str, int]]) -> Table:
    """How often each disturbance has happened."""
    table = Table("disturbance", "times", width=50)
    for name, count in lived:
        table.add_row(name, f"{count:,}")
    return table
