"""Why an alert that was announced proved wrong."""

from __future__ import annotations

from contracts.events.sla import AlertKind, RetractionCause
from services.sla.dossier.state import Alert, Assessment, Sla


def retraction_cause(alert: Alert, state: Sla, now: Assessment | None) -> RetractionCause:
    """Return why an announced alert does not follow from what is known now."""
    if alert.kind is AlertKind.APOLOGY_OWED and state.exemption is not None:
        return RetractionCause.EXEMPT
    if now and any(e.kind == alert.kind and e.about == alert.about for e in now.expected):
        return RetractionCause.MOVED
    return RetractionCause.NOT_REACHED
