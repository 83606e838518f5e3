"""Intake as the engine runs it."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.events import intake, routing
from contracts.model import EventData
from contracts.values import DOSSIER_CODE
from contracts.wire.codec import types
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS
from services.intake.decisions import REQUESTS, decide
from services.intake.fold import evolve
from services.intake.state import Intake
from services.runtime import NoReactions, NoTimers, World
from services.shared.city import city_at, sign_in_required
from services.shared.entry_limit import entry_limit
from services.shared.lifecycle import IMPORT_FACTS, MOVING_FACTS


class IntakeDecider(NoReactions, NoTimers):
    """Decides on reception, supplements, payments and withdrawal."""

    name = "intake"
    topic = DOSSIER_EVENTS
    collection = "dossiers"
    subject_pattern = DOSSIER_CODE
    requests = types(*REQUESTS)
    facts = types(
        *MOVING_FACTS,
        intake.RemarkRecorded,
        routing.DossierRouted,
        routing.DossierHandedOver,
        *IMPORT_FACTS,
        routing.LateEntryApproved,
    )
    state_type = Intake

    def initial(self, subject: str) -> Intake:
        return Intake()

    def decide(self, world: World, state: Intake, request: Event) -> Sequence[EventData]:
        limit = entry_limit(world, request)
        catalogue = city_at(world, request.time).catalogue
        return decide(catalogue, limit, state, request, signed_in=sign_in_required(world))

    def evolve(self, world: World, state: Intake, fact: Event) -> Intake:
        return evolve(state, fact)
