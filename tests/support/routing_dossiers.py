"""A dossier as routing keeps it, and what can be asked of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from contracts.catalogue import load_catalogue
from contracts.events import routing
from contracts.events.refusals import Refusal
from contracts.model import EventData
from contracts.wire.envelope import Event
from services.routing.decider import RoutingDecider
from services.routing.state import Routing
from services.runtime.core.handle import handle
from services.runtime.core.stored import Stored
from tests.support.event import acting
from tests.support.facts import DEMANDED, OWED, received
from tests.support.rule_sets import WORLD

CATALOGUE = load_catalogue()
DECIDER = RoutingDecider()
CODE = "H29.15-240307-0001"
START = datetime(2024, 3, 7, 1, 0, tzinfo=UTC)
STEPS = ("verify", "verify-dwelling", "update-register")
RECEIVED = received()
OTHER = "H29.15"
"""A unit that is not competent for the dossier."""
OPEN: list[list[EventData]] = [[], [DEMANDED], [OWED]]
"""What may have happened to a dossier that is open still."""


def event(data: EventData, minute: int, *, history: bool = False, by: str = "cb-1") -> Event:
    time, name = START + timedelta(minutes=minute), f"{data.NAME}-{minute}"
    return Event(name, "/test", CODE, time, data, history=history, actor=acting(by))


class Dossier:
    """A dossier as routing keeps it: what is told or asked of it moves it on."""

    def __init__(self, decider: RoutingDecider = DECIDER) -> None:
        self.decider = decider
        self.stored: Stored[Routing] = Stored(CODE, 0, decider.initial(CODE))

    @property
    def state(self) -> Routing:
        return self.stored.state

    def told(
        self, data: EventData, minute: int = 0, *, history: bool = False, by: str = "cb-1"
    ) -> list[EventData]:
        asked = event(data, minute, history=history, by=by)
        found = handle(self.decider, WORLD, self.stored, asked)
        return [e.data for e in found]

    def refused(self, data: EventData, minute: int = 60, *, by: str = "cb-1") -> tuple[str, str]:
        before = self.state
        (fact,) = self.told(data, minute, by=by)
        assert isinstance(fact, Refusal)
        assert data.NAME.replace("Requested", "Refused") == fact.NAME
        assert self.state == before
        return fact.reason, fact.detail

    def done(self, minute: int, by: str | None = None) -> list[EventData]:
        step, lead = self.state.open_step, by or self.state.lead
        assert step is not None
        assert lead is not None
        return self.told(routing.StepCompletionRequested(step=step.step), minute, by=lead)


HAND_OVER = routing.HandOverRequested(to_unit=OTHER, reason="theirs")
CONSULT = routing.ConsultationOpeningRequested(unit=OTHER, question="is it safe?")
ANSWER = routing.ConsultationAnswerRequested(unit=OTHER, answer="it is")
STOP = routing.StopRequested(reason="court")


def imported(*, unit: str, ordinal: int = 0, step: str = "verify") -> Dossier:
    dossier = Dossier()
    dossier.told(RECEIVED, history=True)
    routed = routing.DossierRouted(
        procedure="1.004194",
        handling_unit=unit,
        workflow="residence",
        workflow_version=1,
        steps=STEPS,
        rule="as it was",
    )
    dossier.told(routed, 1, history=True)
    started = routing.StepStarted(step=step, ordinal=ordinal, unit=unit, lead="cb-1")
    dossier.told(started, 2, history=True)
    return dossier
