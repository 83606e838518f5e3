"""Routing as the engine runs it."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.catalogue import Catalogue
from contracts.events import routing
from contracts.model import EventData
from contracts.values import DOSSIER_CODE
from contracts.wire.codec import types
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS
from services.routing.decisions import REQUESTS, decide, react
from services.routing.fold import evolve
from services.routing.state import Routing
from services.runtime import NoTimers
from services.shared.entry_limit import EntryLimit, standard_limit
from services.shared.lifecycle import IMPORT_FACTS, MOVING_FACTS


class RoutingDecider(NoTimers):
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

    def __init__(self, catalogue: Catalogue, limit: EntryLimit | None = None) -> None:
        """`limit`: how far back requests may be dated; without it, the product's own."""
        self._catalogue = catalogue
        self._limit = limit or standard_limit()

    def initial(self, subject: str) -> Routing:
        return Routing()

    def decide(self, state: Routing, request: Event) -> Sequence[EventData]:
        return decide(self._catalogue, self._limit, state, request)

    def evolve(self, state: Routing, fact: Event) -> Routing:
        return evolve(state, fact)

    def react(self, state: Routing, fact: Event) -> Sequence[EventData]:
        return react(self._catalogue, state, fact)
