"""Facts about one dossier, and the dossier as notify keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from contracts.catalogue import load_catalogue
from contracts.events import intake, notify, sla
from contracts.events.notify import MessageChannel
from contracts.model import EventData
from contracts.values import Outcome
from contracts.wire.envelope import Event
from services.notify.deciders import NotifyDecider
from services.notify.dossier.policy import Policy
from services.notify.dossier.state import Notify
from services.notify.quiet_hours import QuietHours
from services.runtime.core.handle import fire_timers, handle
from services.runtime.core.stored import Stored
from tests.support import facts
from tests.support.event import event
from tests.support.facts import filing
from tests.support.rule_sets import WORLD
from tests.support.times import at

CATALOGUE = load_catalogue()
CODE = "H29.15-240307-0001"
UNIT = "H29.131"
"""The competent one."""
START = datetime(2024, 3, 7, 1, 0, tzinfo=UTC)
DUE = datetime(2024, 3, 12, 1, 0, tzinfo=UTC)
FILING = filing(channel="online", returning_unit="H29.14")
REGISTERED = intake.DossierRegistered(**FILING)
RECEIVED = intake.DossierReceived(**FILING, by="cb-1")
NOT_RECEIVED = facts.not_received()
ROUTED = facts.routed(UNIT, steps=("one", "two"))
STARTED = facts.started(step="one", unit=UNIT)
SET = facts.deadline_set(DUE)
MOVED = facts.moved(DUE, DUE + timedelta(days=1))
EXTENDED = MOVED.model_copy(update={"cause": sla.MoveCause.EXTENDED})
"""Told by the letter of apology that moved it."""
DEMANDED = facts.demanded(documents=("b", "c"), reason="incomplete")
DELIVERED = facts.delivered(documents=("b", "c"))
OWED, STOPPED, RESUMED, WITHDRAWN = facts.OWED, facts.STOPPED, facts.RESUMED, facts.WITHDRAWN
PART = facts.paid(amount=200, outstanding=300)
PAID = facts.paid(amount=300, reference="p2")
SOON = sla.DossierSoonDue(at=START, due=DUE, unit=UNIT)
OVER = sla.DossierOverdue(due=DUE, unit=UNIT)
EXEMPTED = facts.exempted(reason="flood", unit=UNIT)
PROCESSED = facts.processed(UNIT, outcome=Outcome.DENIED)
RETURNED = facts.returned("H29.14", by="cb-2")
BEGIN: list[EventData] = [RECEIVED, ROUTED, SET, STARTED]


def retracted(alert: Event, due: datetime | None = None) -> EventData:
    return sla.AlertRetracted(alert_id=alert.id, alert=alert.data.NAME, reason="r", due=due)


class Dossier:
    """A dossier as notify keeps it, received at eight on the 7th, and all that notify said."""

    def __init__(self, begin: Sequence[EventData] = BEGIN, **policy: Any) -> None:
        base = {"channels": (MessageChannel.EMAIL,), "quiet": QuietHours(time(0), time(0))}
        self.decider = NotifyDecider(Policy(CATALOGUE, **{**base, "often": 99, **policy}))
        self.stored: Stored[Notify] = Stored(CODE, 0, self.decider.initial(CODE))
        self.events: list[Event] = []
        for second, fact in enumerate(begin):
            self.hear(fact, at(7) + timedelta(seconds=second))

    def hear(self, data: EventData, when: datetime, *, history: bool = False) -> Event:
        fact = event(data, when, CODE, id=f"{data.NAME}-{when}", history=history)
        self.events += handle(self.decider, WORLD, self.stored, fact)
        return fact

    def tick(self, before: datetime) -> None:
        self.events += fire_timers(self.decider, WORLD, self.stored, before)

    @property
    def said(self) -> list[EventData]:
        return [event.data for event in self.events]

    def planned(self, *templates: str) -> list[notify.MessagePlanned]:
        found = [m for m in self.said if isinstance(m, notify.MessagePlanned)]
        return [m for m in found if not templates or m.template in templates]

    def not_sent(self) -> list[notify.MessageNotSent]:
        return [m for m in self.said if isinstance(m, notify.MessageNotSent)]
