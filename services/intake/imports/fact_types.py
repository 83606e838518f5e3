"""The facts that a mapping may tell, and the fields of each that the importer fills by itself."""

from __future__ import annotations

from typing import TypeAlias

from contracts.events import intake, routing
from contracts.model import EventData
from services.shared.lifecycle import ENDED, PublicStatus

FactType: TypeAlias = type[EventData]

FACTS: dict[str, FactType] = {
    cls.__name__: cls
    for cls in (
        intake.DossierRegistered,
        intake.DossierReceived,
        intake.DossierNotReceived,
        intake.SupplementDemanded,
        intake.SupplementDelivered,
        intake.PaymentDemanded,
        intake.PaymentReceived,
        intake.DossierWithdrawn,
        intake.RemarkRecorded,
        routing.DossierRouted,
        routing.StepStarted,
        routing.StepCompleted,
        routing.StepReassigned,
        routing.DossierHandedOver,
        routing.ConsultationOpened,
        routing.ConsultationAnswered,
        routing.DossierStopped,
        routing.DossierResumed,
        routing.DossierProcessed,
        routing.ResultReturned,
    )
}
"""By name. HistoryClosed is not included: the importer tells it at each trace's end."""

_GIVEN = frozenset(
    {
        *("by", "budget", "lead", "reason", "activity", "details", "documents", "reference"),
        *("rule", "workflow", "workflow_version", "steps", "ordinal"),
        *("unit", "from_unit", "handling_unit", "channel", "procedure"),
    }
)
_BEFORE_RECEPTION: frozenset[FactType] = frozenset(
    {intake.DossierRegistered, intake.DossierReceived, intake.DossierNotReceived}
)
_WAITING = frozenset({PublicStatus.SUPPLEMENT_REQUESTED, PublicStatus.STOPPED})


def given_fields(fact: FactType) -> set[str]:
    """Return the fields that need no value: those from [filing], the catalogue or the trace."""
    fields = set(fact.model_fields)
    return fields if issubclass(fact, intake.Filing) else fields & _GIVEN


def makes_sense(fact: FactType, status: PublicStatus | None) -> bool:
    """Return whether a dossier in that state can take the fact.

    The lifecycle gives every set of facts a state by ignoring impossible ones; an importer should
    not tell such a fact in the first place.
    """
    if fact is intake.RemarkRecorded:
        return True
    if status is None:
        return fact in _BEFORE_RECEPTION
    if status is PublicStatus.REGISTERED:
        return fact is intake.DossierWithdrawn or (
            fact in _BEFORE_RECEPTION and fact is not intake.DossierRegistered
        )
    if fact is routing.ResultReturned:
        return status is PublicStatus.PROCESSED
    if status in ENDED or fact in _BEFORE_RECEPTION:
        return False
    if fact is intake.SupplementDelivered:
        return status in _WAITING
    if fact is routing.DossierResumed:
        return status is PublicStatus.STOPPED
    return True
