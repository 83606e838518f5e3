"""Intake as the engine runs it."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.catalogue import Catalogue
from contracts.events import intake, routing
from contracts.model import EventData
from contracts.values import DOSSIER_CODE
from contracts.wire.codec import types
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS
from services.intake.decisions import REQUESTS, decide
from services.intake.fold import evolve
from services.intake.state import Intake
from services.runtime import NoReactions, NoTimers
from services.shared.entry_limit import EntryLimit, standard_limit
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
        *IMPORT_FACTS,
        routing.LateEntryApproved,
    )
    state_type = Intake

    def __init__(self, catalogue: Catalogue, limit: EntryLimit | None = None) -> None:
        """`limit`: how far back requests may be dated; without it, the product's own."""
        self._catalogue = catalogue
        self._limit = limit or standard_limit()

    def initial(self, subject: str) -> Intake:
        return Intake()

    def decide(self, state: Intake, request: Event) -> Sequence[EventData]:
        return decide(self._catalogue, self._limit, state, request)

    def evolve(self, state: Intake, fact: Event) -> Intake:
        return evolve(state, fact)
