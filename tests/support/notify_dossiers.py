"""Facts about one dossier, and the dossier as notify keeps it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from contracts.catalogue import load_catalogue
from contracts.events import intake, notify, routing, sla
from contracts.events.notify import MessageChannel
from contracts.events.sla import Budget, TimeUnit
from contracts.model import EventData
from contracts.values import Channel, Outcome
from contracts.wire.envelope import Event
from services.notify.deciders import NotifyDecider
from services.notify.dossier.policy import Policy
from services.notify.dossier.state import Notify
from services.notify.hours import VIETNAM, Quiet
from services.runtime.core.handle import fire_timers, handle
from services.runtime.core.stored import Stored

CATALOGUE = load_catalogue()
CODE = "H29.15-240307-0001"
START = datetime(2024, 3, 7, 1, 0, tzinfo=UTC)
DUE = datetime(2024, 3, 12, 1, 0, tzinfo=UTC)
FILING = {
    "procedure": "1.004194",
    "channel": "online",
    "receiving_unit": "H29.15",
    "returning_unit": "H29.14",
    "place": "26740",
    "citizen": "citizen-1",
}

REGISTERED = intake.DossierRegistered(**FILING)
RECEIVED = intake.DossierReceived(**FILING, by="cb-1")
NOT_RECEIVED = intake.DossierNotReceived(reason="not ours", by="cb-1")
ROUTED = routing.DossierRouted(
    procedure="1.004194",
    handling_unit="H29.131",
    workflow="residence",
    workflow_version=1,
    steps=("one", "two"),
    rule="ward",
)
STARTED = routing.StepStarted(step="one", ordinal=0, unit="H29.131", lead="cb-1")
SET = sla.DeadlineSet(due=DUE, budget=Budget(amount=3, unit=TimeUnit.WORKING_DAYS), rule="r")
MOVED = sla.DeadlineMoved(
    due=DUE + timedelta(days=1), previous=DUE, original=DUE, reason="waited", rule="r"
)
EXTENDED = MOVED.model_copy(update={"cause": sla.MoveCause.EXTENDED})
"""Told by the letter of apology that moved it."""
DEMANDED = intake.SupplementDemanded(documents=("b", "c"), reason="incomplete", by="cb-1")
DELIVERED = intake.SupplementDelivered(documents=("b", "c"), unit="H29.15")
OWED = intake.PaymentDemanded(amount=500, reason="tax", by="cb-1")
PART = intake.PaymentReceived(amount=200, outstanding=300, reference="p1")
PAID = intake.PaymentReceived(amount=300, outstanding=0, reference="p2")
STOPPED = routing.DossierStopped(reason="court", by="cb-1")
RESUMED = routing.DossierResumed(reason="settled", by="cb-1")
SOON = sla.DossierSoonDue(at=START, due=DUE, unit="H29.131")
OVER = sla.DossierOverdue(due=DUE, unit="H29.131")
EXEMPTED = sla.ExemptionGranted(
    ground=sla.ExemptionGround.FORCE_MAJEURE, reason="flood", unit="H29.131", by="cb-1"
)
PROCESSED = routing.DossierProcessed(outcome=Outcome.DENIED, handling_unit="H29.131", by="cb-1")
RETURNED = routing.ResultReturned(unit="H29.14", channel=Channel.COUNTER, by="cb-2")
WITHDRAWN = intake.DossierWithdrawn(reason="changed my mind")
BEGIN: list[EventData] = [RECEIVED, ROUTED, SET, STARTED]


def retracted(alert: Event, due: datetime | None = None) -> EventData:
    return sla.AlertRetracted(alert_id=alert.id, alert=alert.data.NAME, reason="r", due=due)


def at(day: int, clock: str = "08:00") -> datetime:
    """A time in March 2024, whose 4th is a Monday."""
    moment = datetime.fromisoformat(f"2024-03-{day:02} {clock}")
    return moment.replace(tzinfo=VIETNAM).astimezone(UTC)


class Dossier:
    """A dossier as notify keeps it, received at eight on the 7th, and all that notify said."""

    def __init__(self, **policy: Any) -> None:
        base = {"channels": (MessageChannel.EMAIL,), "quiet": Quiet(time(0), time(0))}
        self.decider = NotifyDecider(Policy(CATALOGUE, **{**base, "often": 99, **policy}))
        self.stored: Stored[Notify] = Stored(CODE, 0, self.decider.initial(CODE))
        self.events: list[Event] = []
        for second, fact in enumerate(BEGIN):
            self.hear(fact, at(7) + timedelta(seconds=second))

    def hear(self, data: EventData, when: datetime, *, history: bool = False) -> Event:
        fact = Event(f"{data.NAME}-{when}", "/x", CODE, when, data, history=history)
        self.events += handle(self.decider, self.stored, fact)
        return fact

    def tick(self, before: datetime) -> None:
        self.events += fire_timers(self.decider, self.stored, before)

    @property
    def said(self) -> list[EventData]:
        return [event.data for event in self.events]

    def planned(self, *templates: str) -> list[notify.MessagePlanned]:
        found = [m for m in self.said if isinstance(m, notify.MessagePlanned)]
        return [m for m in found if not templates or m.template in templates]

    def not_sent(self) -> list[notify.MessageNotSent]:
        return [m for m in self.said if isinstance(m, notify.MessageNotSent)]
