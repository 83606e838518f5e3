"""The facts of a dossier, one function each, all of one dossier unless a test says otherwise.

A temporary residence, three working days at the ward H29.15: handed in there at the counter by
citizen-1, received by the officer cb-1, handled and returned there. Every field can be given by its
name; what a test asserts it gives, so that it stands in the test.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from contracts.events import intake, routing, sla
from contracts.events.sla import Budget, ExemptionGround, TimeUnit
from contracts.model import EventData
from contracts.values import FilingChannel, Outcome

UNIT = "H29.15"
PROCEDURE = "1.004194"
OFFICER = "cb-1"
AS_STANDARD = intake.Promise()
"""As before promises were on the log."""

D = TypeVar("D", bound=EventData)


def _made(cls: type[D], changes: dict[str, Any], **default: Any) -> D:
    return cls(**{**default, **changes})


# -- intake -------------------------------------------------------------------------------


def filing(procedure: str = PROCEDURE, unit: str = UNIT, **changes: Any) -> dict[str, Any]:
    """What a citizen hands in; `unit` both receives the dossier and returns its result."""
    return {
        "procedure": procedure,
        "channel": FilingChannel.COUNTER,
        "receiving_unit": unit,
        "returning_unit": unit,
        "place": "26740",
        "citizen": "citizen-1",
        **changes,
    }


def registered(
    procedure: str = PROCEDURE, unit: str = UNIT, **changes: Any
) -> intake.DossierRegistered:
    return intake.DossierRegistered(**filing(procedure, unit, **changes))


def received(
    procedure: str = PROCEDURE,
    unit: str = UNIT,
    *,
    by: str = OFFICER,
    promise: intake.Promise | None = AS_STANDARD,
    **changes: Any,
) -> intake.DossierReceived:
    """Promised is the procedure's standard time by the rules of the test, unless it says other."""
    return intake.DossierReceived(**filing(procedure, unit, **changes), by=by, promise=promise)


def not_received(**changes: Any) -> intake.DossierNotReceived:
    return _made(intake.DossierNotReceived, changes, reason="not ours", by=OFFICER)


def demanded(**changes: Any) -> intake.SupplementDemanded:
    return _made(intake.SupplementDemanded, changes, documents=("b",), reason="r", by=OFFICER)


def delivered(**changes: Any) -> intake.SupplementDelivered:
    return _made(intake.SupplementDelivered, changes, documents=("b",), unit=UNIT)


def owed(**changes: Any) -> intake.PaymentDemanded:
    return _made(intake.PaymentDemanded, changes, amount=500, reason="tax", by=OFFICER)


def paid(**changes: Any) -> intake.PaymentReceived:
    """All that is owed, unless told otherwise."""
    return _made(intake.PaymentReceived, changes, amount=500, outstanding=0, reference="p1")


def withdrawn(**changes: Any) -> intake.DossierWithdrawn:
    return _made(intake.DossierWithdrawn, changes, reason="changed my mind")


# -- routing ------------------------------------------------------------------------------


def routed(
    unit: str = UNIT, procedure: str = PROCEDURE, workflow: str = "residence", **changes: Any
) -> routing.DossierRouted:
    return _made(
        routing.DossierRouted,
        changes,
        procedure=procedure,
        handling_unit=unit,
        workflow=workflow,
        workflow_version=1,
        steps=("verify",),
        rule="ward",
    )


def started(ordinal: int = 0, **changes: Any) -> routing.StepStarted:
    step = f"s{ordinal}"
    return _made(routing.StepStarted, changes, step=step, ordinal=ordinal, unit=UNIT, lead=OFFICER)


def completed(ordinal: int = 0, **changes: Any) -> routing.StepCompleted:
    step = f"s{ordinal}"
    return _made(routing.StepCompleted, changes, step=step, ordinal=ordinal, unit=UNIT, by=OFFICER)


def handed_over(to_unit: str, **changes: Any) -> routing.DossierHandedOver:
    return _made(
        routing.DossierHandedOver, changes, to_unit=to_unit, reason="r", lead="cb-2", by=OFFICER
    )


def consulted(unit: str, days: int | None = None, **changes: Any) -> routing.ConsultationOpened:
    """Asked for an opinion, within a number of working days or the configured default."""
    budget = None if days is None else working_days(days)
    return _made(
        routing.ConsultationOpened, changes, unit=unit, question="q", budget=budget, by=OFFICER
    )


def answered(unit: str, **changes: Any) -> routing.ConsultationAnswered:
    return _made(routing.ConsultationAnswered, changes, unit=unit, answer="a", by="cb-9")


def stopped(**changes: Any) -> routing.DossierStopped:
    return _made(routing.DossierStopped, changes, reason="court", by=OFFICER)


def resumed(**changes: Any) -> routing.DossierResumed:
    return _made(routing.DossierResumed, changes, reason="settled", by=OFFICER)


def processed(unit: str = UNIT, **changes: Any) -> routing.DossierProcessed:
    return _made(
        routing.DossierProcessed, changes, outcome=Outcome.GRANTED, handling_unit=unit, by=OFFICER
    )


def returned(unit: str = UNIT, **changes: Any) -> routing.ResultReturned:
    return _made(
        routing.ResultReturned, changes, unit=unit, channel=FilingChannel.COUNTER, by=OFFICER
    )


# -- sla ----------------------------------------------------------------------------------


def working_days(amount: int) -> Budget:
    return Budget(amount=amount, unit=TimeUnit.WORKING_DAYS)


def deadline_set(due: datetime, **changes: Any) -> sla.DeadlineSet:
    return _made(sla.DeadlineSet, changes, due=due, budget=working_days(3), rule="r")


def moved(previous: datetime, due: datetime, **changes: Any) -> sla.DeadlineMoved:
    return _made(
        sla.DeadlineMoved,
        changes,
        due=due,
        previous=previous,
        original=previous,
        reason="waited",
        rule="r",
    )


def letter(previous: datetime, due: datetime | None, **changes: Any) -> sla.ApologyIssued:
    """A letter of apology, in time unless told otherwise; without a date it gives none."""
    return _made(
        sla.ApologyIssued,
        changes,
        reason="r",
        due=due,
        previous=previous,
        letter_by=previous,
        in_time=True,
        unit=UNIT,
        by="head",
        form="04/2018-01",
    )


def foreseen(**changes: Any) -> sla.DelayForeseen:
    return _made(sla.DelayForeseen, changes, reason="r", unit=UNIT, by=OFFICER)


def exempted(
    ground: ExemptionGround = ExemptionGround.FORCE_MAJEURE, **changes: Any
) -> sla.ExemptionGranted:
    return _made(
        sla.ExemptionGranted, changes, ground=ground, reason="a flood", unit=UNIT, by="head"
    )


# -- the same, where nothing depends on what they say --------------------------------------

DEMANDED, DELIVERED = demanded(), delivered()
OWED, PAID = owed(), paid()
STOPPED, RESUMED = stopped(), resumed()
PROCESSED, RETURNED, WITHDRAWN = processed(), returned(), withdrawn()
