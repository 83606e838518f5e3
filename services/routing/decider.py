"""Routing as the engine runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from contracts.events import intake, routing
from contracts.model import EventData
from contracts.values import DOSSIER_CODE
from contracts.wire.codec import types
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS
from services.routing.decisions import REQUESTS, decide, react
from services.routing.fold import evolve
from services.routing.state import Routing
from services.routing.succession import ends, taken_over, unit_end
from services.runtime import Timer, World
from services.shared.city import city_at, sign_in_required
from services.shared.entry_limit import entry_limit
from services.shared.lifecycle import IMPORT_FACTS, MOVING_FACTS
from services.shared.open_dossiers import OPEN


class RoutingDecider:
    """Decides on competence, steps, hand-overs, consultations, stops and results."""

    name = "routing"
    topic = DOSSIER_EVENTS
    collection = "dossiers"
    subject_pattern = DOSSIER_CODE
    requests = types(*REQUESTS)
    facts = types(
        *MOVING_FACTS,
        routing.DossierRouted,
        routing.DossierUnroutable,
        routing.StepCompleted,
        routing.StepReassigned,
        routing.DossierHandedOver,
        routing.ConsultationOpened,
        routing.ConsultationAnswered,
        *IMPORT_FACTS,
        routing.LateEntryApproved,
    )
    state_type = Routing
    waking: Mapping[str, Any] | None = OPEN

    def initial(self, subject: str) -> Routing:
        return Routing(code=subject)

    def decide(self, world: World, state: Routing, request: Event) -> Sequence[EventData]:
        limit = entry_limit(world, request)
        catalogue = city_at(world, request.time).catalogue
        signed_in = sign_in_required(world)
        return decide(catalogue, limit, state, request, signed_in=signed_in, grants=world.grants)

    def evolve(self, world: World, state: Routing, fact: Event) -> Routing:
        return evolve(state, fact)

    def react(self, world: World, state: Routing, fact: Event) -> Sequence[EventData]:
        if not isinstance(fact.data, intake.DossierReceived):
            return ()  # of hardly any fact need be known what was in force
        return react(city_at(world, fact.time).catalogue, state, fact, fact.data)

    def timer(self, world: World, state: Routing) -> Timer | None:
        return unit_end(world, state)

    def fire(self, world: World, state: Routing, timer: Timer) -> Sequence[EventData]:
        return taken_over(world, state, timer)

    def woken(self, world: World) -> datetime | None:
        return min((at for times in ends(world).values() for at in times), default=None)
