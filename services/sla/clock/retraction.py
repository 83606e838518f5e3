"""Why an alert that was announced proved wrong."""

from __future__ import annotations

from contracts.events.sla import AlertKind, DebtCause, RetractionCause
from services.sla.dossier.state import Alert, Assessment, Sla

_OF_A_LETTER = frozenset({AlertKind.LAST_CALL, AlertKind.APOLOGY_OWED})


def retraction_cause(alert: Alert, state: Sla, now: Assessment | None) -> RetractionCause:
    """Return why an announced alert does not follow from what is known now."""
    if alert.kind in _OF_A_LETTER and state.exemption is not None:
        return RetractionCause.EXEMPT
    if now and any(e.kind == alert.meant and e.about == alert.about for e in now.expected):
        return RetractionCause.MOVED
    kept = state.span.ended_at is not None and now is not None and now.first_breach_at is None
    if alert.about == DebtCause.FORESEEN and kept:
        return RetractionCause.KEPT
    return RetractionCause.NOT_REACHED
