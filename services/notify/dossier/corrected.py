"""What is left of a dossier when an import takes back what it told. Pure.

Who the citizen is, and what they were told, stays: they are told of what proves wrong.
"""

from __future__ import annotations

from typing import Any

import msgspec

from contracts.events import intake, routing
from services.notify.dossier.state import Demand, HistoryEntry, Notify, OpenStep
from services.shared.corrections import taken_back
from services.shared.lead import Lead
from services.shared.lifecycle import Move


def corrected(state: Notify, data: intake.HistoryCorrected) -> Notify:
    """Return the state without what came of the replaced facts."""
    state, keys, moves = taken_back(state, data)
    story = tuple(entry for entry in state.story if entry.id not in keys)
    leads = tuple(lead for lead in state.leads if lead.by not in keys)
    changes: dict[str, Any] = {
        "story": story,
        "leads": leads,
        "step": _last_step(leads, story),
        "supplement": _asked(state.supplement, story, intake.SupplementDemanded),
        "payment": _asked(state.payment, story, intake.PaymentDemanded),
    }
    if Move.RECEIVED in moves:
        # Sla says anew by when it is due.
        changes |= {"due": None, "original_due": None, "moved_by": None}
        changes |= {"budget": 0, "counted_in": ""}
    if Move.PROCESSED in moves:
        changes["outcome"] = None
    if not any(entry.of(routing.DossierRouted) for entry in story):
        changes |= {"plan": (), "workflow": None}
    handled = [
        (entry.at, entry.id if entry.of(routing.DossierHandedOver) else "", entry.unit)
        for entry in story
        if entry.of(routing.DossierRouted) or entry.of(routing.DossierHandedOver)
    ]
    since, by, unit = max(handled, default=(None, "", None))
    changes |= {"unit": unit, "unit_since": since, "unit_by": by}
    return msgspec.structs.replace(state, **changes)


def _last_step(leads: tuple[Lead, ...], story: tuple[HistoryEntry, ...]) -> OpenStep | None:
    names = {entry.id: entry.text for entry in story if entry.of(routing.StepStarted)}
    last = max((lead for lead in leads if lead.by in names and not lead.named), default=None)
    return OpenStep(last.at, last.ordinal, names[last.by], last.unit) if last else None


def _asked(
    known: Demand | None,
    story: tuple[HistoryEntry, ...],
    fact: type[intake.SupplementDemanded | intake.PaymentDemanded],
) -> Demand | None:
    """Return the newest demand. Of an older one than is known, only the reason is kept."""
    entry = max((entry for entry in story if entry.of(fact)), default=None)
    if entry is None or (known is not None and known.at == entry.at):
        return known if entry is not None else None
    return Demand(entry.at, entry.text)
