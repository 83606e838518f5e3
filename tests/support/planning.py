"""A dossier as notify plans its messages, by the policy of a test."""

from __future__ import annotations

from datetime import time, timedelta

from contracts.catalogue import load_catalogue
from contracts.events import notify
from contracts.events.notify import MessageChannel
from contracts.model import EventData
from contracts.wire.envelope import Event
from services.notify.deciders import NotifyDecider
from services.notify.dossier.policy import Policy
from services.notify.dossier.state import Notify
from services.notify.quiet_hours import QuietHours
from services.runtime.core.handle import handle
from services.runtime.core.stored import Stored
from tests.support.notify_dossiers import (
    CODE,
    START,
)
from tests.support.rule_sets import WORLD


def event(data: EventData, minute: int = 0, *, history: bool = False) -> Event:
    time = START + timedelta(minutes=minute)
    return Event(f"{data.NAME}-{minute}", "/x", CODE, time, data, history=history)


def policy(channel: MessageChannel) -> Policy:
    """One channel by day and night, and citizens alone."""
    quiet = QuietHours(time(0), time(0))
    return Policy(
        load_catalogue(), (channel,), quiet=quiet, often=99, ratings=False, tells_officers=False
    )


class Told:
    """A dossier as notify keeps it; a fact a minute, unless a minute is given."""

    def __init__(self, *facts: EventData, channel: MessageChannel = MessageChannel.EMAIL) -> None:
        self.decider = NotifyDecider(policy(channel))
        self.stored: Stored[Notify] = Stored(CODE, 0, self.decider.initial(CODE))
        self.minute = 0
        for data in facts:
            self.tell(data)

    @property
    def state(self) -> Notify:
        return self.stored.state

    def hear(self, fact: Event) -> list[EventData]:
        return [e.data for e in handle(self.decider, WORLD, self.stored, fact)]

    def tell(
        self, data: EventData, minute: int | None = None, *, history: bool = False
    ) -> list[EventData]:
        self.minute += 1
        return self.hear(event(data, self.minute if minute is None else minute, history=history))

    def templates(self, *facts: EventData) -> list[str]:
        found: list[str] = []
        for data in facts:
            for message in self.tell(data):
                assert isinstance(message, notify.MessagePlanned)
                found.append(message.template)
        return found
