"""A dossier of three working days, and a desk on which letters about it are signed."""

from __future__ import annotations

from datetime import datetime

from contracts.catalogue import load_catalogue
from contracts.events import sla
from contracts.events.refusals import Refusal
from contracts.events.sla import ExemptionGround
from contracts.model import EventData
from contracts.wire.envelope import Event
from services.runtime.core.handle import fire_timers, handle
from services.runtime.core.stored import Stored
from services.sla.dossier.state import Assessment, Sla
from tests.support.event import CODE, acting
from tests.support.facts import (
    received,
    routed,
)
from tests.support.rule_sets import WORLD
from tests.support.sla_dossiers import DECIDER
from tests.support.times import at

HEAD = load_catalogue().units["H29.15"].head
RECEIVED_AT = at(4)


class Desk:
    """A dossier as sla keeps it, and what sla said at the last thing that happened."""

    def __init__(self, begin: datetime | None = RECEIVED_AT) -> None:
        self.stored: Stored[Sla] = Stored(CODE, 0, Sla())
        self.said: list[Event] = []
        if begin is not None:
            self.told(received(), begin)
            self.told(routed(), begin)

    @property
    def state(self) -> Sla:
        return self.stored.state

    @property
    def assessment(self) -> Assessment:
        assert self.state.assessment is not None
        return self.state.assessment

    def told(self, data: EventData, time: datetime, *, by: str = HEAD) -> list[EventData]:
        event = Event(
            f"e-{len(self.stored.ids)}", "/x", CODE, time, data, fingerprint="f", actor=acting(by)
        )
        said = handle(DECIDER, WORLD, self.stored, event)
        self.said += said
        return [each.data for each in said]

    def passes(self, time: datetime) -> None:
        self.said += fire_timers(DECIDER, WORLD, self.stored, time)

    def apologises(self, time: datetime, due: datetime | None, by: str = HEAD) -> list[EventData]:
        return self.told(sla.ApologyRequested(reason="the archive burnt", due=due), time, by=by)

    def foresees(self, time: datetime, by: str = HEAD) -> list[EventData]:
        return self.told(sla.DelayForeseenRequested(reason="the surveyor is ill"), time, by=by)

    def refuses_foresight(self, time: datetime, by: str = HEAD) -> tuple[str, str]:
        return self._refused(self.foresees(time, by), "DelayForeseenRefused")

    def exempts(self, time: datetime, by: str = HEAD) -> list[EventData]:
        ground = ExemptionGround.FORCE_MAJEURE
        return self.told(sla.ExemptionRequested(ground=ground, reason="a flood"), time, by=by)

    def refuses_letter(
        self, time: datetime, due: datetime | None, by: str = HEAD
    ) -> tuple[str, str]:
        """Asks for a letter that must be refused; why, for programs and for people."""
        return self._refused(self.apologises(time, due, by), "ApologyRefused")

    def refuses_exemption(self, time: datetime, by: str = HEAD) -> tuple[str, str]:
        return self._refused(self.exempts(time, by), "ExemptionRefused")

    def _refused(self, said: list[EventData], name: str) -> tuple[str, str]:
        refusal = said[-1]
        assert isinstance(refusal, Refusal)
        assert name == refusal.NAME
        assert self.stored.answers[-1].reason == refusal.reason
        return refusal.reason, refusal.detail

    @property
    def standing(self) -> list[str]:
        return [alert.kind for alert in self.state.alerts if not alert.retracted]


def names(said: list[EventData]) -> list[str]:
    return [data.NAME for data in said]
