"""A month of the whole city, without broker or database, under the stream clock."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from contracts.catalogue import load_catalogue
from contracts.events import intake, notify, routing
from contracts.events.notify import MessageChannel
from contracts.model import EventData
from contracts.values import Outcome
from contracts.wire.envelope import Event
from motcua.deciders import all_deciders
from services.notify.dossier.policy import Policy
from services.notify.quiet_hours import VIETNAM
from services.runtime.testing import InProcess
from tests.support.event import acting

CATALOGUE = load_catalogue()
CODE = "H29.15-240304-0001"


def at(day: int, clock: str = "08:00:00") -> datetime:
    """A time in March 2024, whose 4th is a Monday."""
    return datetime.fromisoformat(f"2024-03-{day:02} {clock}").replace(tzinfo=VIETNAM)


class Month:
    """One dossier of 20 working days at the land registration office, and its city."""

    def __init__(self, *channels: MessageChannel, **other: Any) -> None:
        policy = Policy(CATALOGUE, channels=channels or (MessageChannel.EMAIL,), **other)
        self.city = InProcess(all_deciders(policy))
        self.count = 0

    def told(self, data: EventData, time: datetime, code: str = CODE, *, by: str = "cb-1") -> None:
        self.count += 1
        self.city.tick(time)
        self.city.feed([Event(f"e-{self.count}", "/x", code, time, data, actor=acting(by))])

    def received(self, time: datetime, code: str = CODE, **other: Any) -> None:
        filing = intake.FilingForm(
            procedure="1.004194",
            channel="counter",
            receiving_unit="H29.15",
            returning_unit="H29.15",
            place="26740",
            citizen="cd-1",
            **other,
        )
        self.told(intake.ReceptionRequested(filing=filing), time, code, by="cb-1")

    def of(self, kind: type[Any]) -> list[Any]:
        return [e.data for e in self.city.elsewhere if isinstance(e.data, kind)]

    def planned(self, template: str) -> list[tuple[Event, notify.MessagePlanned]]:
        return [
            (e, e.data)
            for e in self.city.elsewhere
            if isinstance(e.data, notify.MessagePlanned) and e.data.template == template
        ]


def finished(month: Month, day: int, outcome: Outcome = Outcome.GRANTED, *, hour: int = 9) -> None:
    """The dossier's three steps are done, and its result is handed over an hour later."""
    for step in ("verify", "verify-dwelling", "update-register"):
        lead = month.city.states["routing"][CODE].state.lead
        done = routing.StepCompletionRequested(step=step, outcome=outcome)
        month.told(done, at(day, f"{hour:02}:00:00"), by=lead)
    returned = routing.ResultReturnRequested(unit="H29.15", channel="counter")
    month.told(returned, at(day, f"{hour + 1:02}:00:00"), by="b")
