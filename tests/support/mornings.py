"""One unit's desk as notify keeps it, fed by hand, and all that it said."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from contracts.events import notify
from contracts.model import EventData
from contracts.wire.envelope import Event, short_id
from services.notify.deciders import DeskDecider
from services.notify.desk.desk import Desk
from services.notify.dossier.policy import Policy
from services.runtime.core.handle import fire_timers, handle
from services.runtime.core.stored import Stored
from tests.support.notify_dossiers import CATALOGUE, DUE
from tests.support.rule_sets import WORLD
from tests.support.times import at

UNIT = "H29.15"
FRIDAY = f"{UNIT}@2024-03-08"
HEAD = CATALOGUE.units[UNIT].head


class Morning:
    """Friday the 8th, and what head and officers were told."""

    def __init__(self, name: str = FRIDAY, **policy: Any) -> None:
        self.name = name
        self.decider = DeskDecider(Policy(CATALOGUE, **policy))
        self.stored: Stored[Desk] = Stored(name, 0, self.decider.initial(name))
        self.said: list[Event] = []

    def alerted(
        self, *marks: str, alert: str = "ApologyOwed", when: datetime | None = None, **more: Any
    ) -> None:
        """Alerts that are named by a mark, each of a dossier of its own."""
        for mark in marks:
            data = notify.UnitAlerted(
                morning=FRIDAY,
                unit=UNIT,
                dossier=f"dossier-{mark}",
                alert_id=mark,
                alert=alert,
                due=DUE,
                **more,
            )
            self.hear(f"alerted-{mark}-{when}", when or at(7, "16:00"), data)

    def cleared(self, mark: str, when: datetime, **more: Any) -> None:
        data = notify.UnitAlertCleared(
            morning=FRIDAY, alert_id=mark, reason="as it turned out", **more
        )
        self.hear(f"cleared-{mark}", when, data)

    def tick(self, before: datetime) -> None:
        self.said += fire_timers(self.decider, WORLD, self.stored, before)

    def hear(self, event_id: str, when: datetime, data: EventData) -> None:
        self.take(Event(event_id, "/x", self.name, when, data))

    def take(self, event: Event) -> None:
        """What stands on the log once more is known by its id."""
        if not self.stored.knows(short_id(event.id)):
            self.said += handle(self.decider, WORLD, self.stored, event)

    def told(self, *templates: str) -> list[tuple[datetime, set[str]]]:
        """When somebody was told of which alerts."""
        return [(e.time, marks(e.data)) for e in self.messages(*templates)]

    def messages(self, *templates: str) -> list[Event]:
        return [e for e in self.said if not templates or planned(e.data).template in templates]

    @property
    def ids(self) -> list[str]:
        return [planned(e.data).message_id for e in self.said]


def planned(data: EventData) -> notify.MessagePlanned:
    assert isinstance(data, notify.MessagePlanned)
    return data


def items(data: EventData) -> list[dict[str, str]]:
    found: list[dict[str, str]] = msgspec.json.decode(planned(data).params["items"])
    return found


def marks(data: EventData) -> set[str]:
    return {item["dossier"].removeprefix("dossier-") for item in items(data)}
