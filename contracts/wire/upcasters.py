"""How a body of an older version becomes one of the next. They run on read, one after another.

An upcaster knows only its old and its new version. A type whose meaning has become another type's
is read as that one. To add one: move the class to its next version,
keep the old version's golden sample, and name the step here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Body = dict[str, Any]


def _dossier_received_v1(body: Body) -> Body:
    # Before a result could be fetched at any unit, the receiving unit also returned it.
    unit = body.pop("unit")
    return {**body, "receiving_unit": unit, "returning_unit": unit}


def _dossier_received_v2(body: Body) -> Body:
    # What was promised was not said; a promise that says neither budget nor date means that.
    return {**body, "promise": {}}


def _filing_v1(filing: Body) -> Body:
    # "partial" and 0 were said, too, where nothing was.
    unsaid = {"level": "partial", "fee": 0}
    return {key: value for key, value in filing.items() if unsaid.get(key) != value}


def _reception_requested_v1(body: Body) -> Body:
    filing = body.get("filing")
    return {**body, "filing": None if filing is None else _filing_v1(filing)}


def _deadline_set_v1(body: Body) -> Body:
    return body  # a budget was always there; now a fixed date may be promised instead


def _apology_v1(body: Body) -> Body:
    return body  # a new date was always there; now a letter may give none


def _apology_owed_v1(body: Body) -> Body:
    # It was said a working day before the due time, of dossiers of which most were finished in
    # time: a last call, by today's word. What is owed is said anew, from the breach on.
    return body


def _unit_alerted_v1(body: Body) -> Body:
    called = body.get("alert") == "ApologyOwed"
    return {**body, "alert": "LastCallGiven"} if called else body


def _message_planned_v1(body: Body) -> Body:
    # In version 1, messages for heads and officers also named them as citizens.
    return {**body, "recipient": body.pop("citizen")}


def _said_by(body: Body) -> Body:
    # Who acts was said in the body; `SAID_BY` keeps it as the record's actor.
    return {key: value for key, value in body.items() if key != "by"}


SAID_BY = frozenset(
    f"vn.motcua.{name}"
    for name in (
        "ReceptionRequested.v1",
        "ReceptionRequested.v2",
        "RejectionRequested.v1",
        "SupplementDemandRequested.v1",
        "PaymentDemandRequested.v1",
        "StepCompletionRequested.v1",
        "StepReassignmentRequested.v1",
        "HandOverRequested.v1",
        "ConsultationOpeningRequested.v1",
        "ConsultationAnswerRequested.v1",
        "StopRequested.v1",
        "ResumptionRequested.v1",
        "ResultReturnRequested.v1",
        "LateEntryRequested.v1",
        "ApologyRequested.v1",
        "ApologyRequested.v2",
        "DelayForeseenRequested.v1",
        "ExemptionRequested.v1",
    )
)
"""The types whose body says in `by` who acts. Later versions leave that to the record's actor."""

UPCASTERS: dict[str, tuple[str, Callable[[Body], Body]]] = {
    "vn.motcua.DossierReceived.v1": ("vn.motcua.DossierReceived.v2", _dossier_received_v1),
    "vn.motcua.DossierReceived.v2": ("vn.motcua.DossierReceived.v3", _dossier_received_v2),
    "vn.motcua.RegistrationRequested.v1": ("vn.motcua.RegistrationRequested.v2", _filing_v1),
    "vn.motcua.ReceptionRequested.v1": (
        "vn.motcua.ReceptionRequested.v2",
        _reception_requested_v1,
    ),
    "vn.motcua.ReceptionRequested.v2": ("vn.motcua.ReceptionRequested.v3", _said_by),
    **{
        f"vn.motcua.{name}.v1": (f"vn.motcua.{name}.v2", _said_by)
        for name in (
            "RejectionRequested",
            "SupplementDemandRequested",
            "PaymentDemandRequested",
            "StepCompletionRequested",
            "StepReassignmentRequested",
            "HandOverRequested",
            "ConsultationOpeningRequested",
            "ConsultationAnswerRequested",
            "StopRequested",
            "ResumptionRequested",
            "ResultReturnRequested",
            "LateEntryRequested",
            "DelayForeseenRequested",
            "ExemptionRequested",
        )
    },
    "vn.motcua.ApologyRequested.v2": ("vn.motcua.ApologyRequested.v3", _said_by),
    "vn.motcua.DeadlineSet.v1": ("vn.motcua.DeadlineSet.v2", _deadline_set_v1),
    "vn.motcua.ApologyRequested.v1": ("vn.motcua.ApologyRequested.v2", _apology_v1),
    "vn.motcua.ApologyIssued.v1": ("vn.motcua.ApologyIssued.v2", _apology_v1),
    "vn.motcua.ApologyOwed.v1": ("vn.motcua.LastCallGiven.v1", _apology_owed_v1),
    "vn.motcua.UnitAlerted.v1": ("vn.motcua.UnitAlerted.v2", _unit_alerted_v1),
    "vn.motcua.MessagePlanned.v1": ("vn.motcua.MessagePlanned.v2", _message_planned_v1),
}
"""By old type: the next version's type, and the function that converts the body."""


def upcast(type_name: str, body: Body) -> tuple[str, Body]:
    """Return the body in its type's current version, with that version's type name."""
    while type_name in UPCASTERS:
        type_name, step = UPCASTERS[type_name]
        body = step(dict(body))
    return type_name, body


def newest_type(type_name: str) -> str:
    """Return the type that a body of this type is read as."""
    while type_name in UPCASTERS:
        type_name = UPCASTERS[type_name][0]
    return type_name
