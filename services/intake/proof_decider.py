"""Intake's decider of contact data: whose address is proven."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.events import contacts
from contracts.model import EventData
from contracts.wire.codec import types
from contracts.wire.envelope import Event
from contracts.wire.topics import CITIZEN_CONTACTS
from services.intake.proofs import Proving, decide, evolve
from services.runtime import NoReactions, NoTimers, World
from services.shared.person import SUBJECT


class ProofDecider(NoReactions, NoTimers):
    """Decides which change of contact data counts."""

    name = "intake"
    topic = CITIZEN_CONTACTS
    collection = "proofs"
    subject_pattern = SUBJECT
    requests = types(contacts.ContactChangeRequested, contacts.ContactProofRequested)
    facts = types(
        contacts.ContactChangeAsked,
        contacts.ContactProven,
        contacts.ContactProofRefused,
        contacts.ContactErased,
    )
    state_type = Proving

    def initial(self, subject: str) -> Proving:
        return Proving()

    def decide(self, world: World, state: Proving, request: Event) -> Sequence[EventData]:
        return decide(state, request)

    def evolve(self, world: World, state: Proving, fact: Event) -> Proving:
        return evolve(state, fact)
