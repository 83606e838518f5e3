"""What intake decides: pure functions from a dossier's state and a request to facts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from contracts.catalogue import Catalogue, Procedure
from contracts.events import intake, refusals
from contracts.events.refusals import Refusal, RefusalReason
from contracts.model import EventData
from contracts.values import EARLIEST, FilingChannel, rfc3339
from contracts.wire.envelope import Event
from services.intake.state import Intake
from services.shared.authority import judging as authority
from services.shared.authority.judging import Bonds, who
from services.shared.entry_limit import EntryLimit
from services.shared.lifecycle import ENDED, PublicStatus
from services.shared.refused import Decision, Refused, decide_by, must_be
from services.shared.room import check_papers, check_room

Facts = Sequence[EventData]


def decide(
    catalogue: Catalogue,
    limit: EntryLimit,
    state: Intake,
    request: Event,
    *,
    signed_in: bool = False,
) -> Facts:
    """Return the facts that a request comes to, or its one refusal.

    `signed_in`: whether the city has a sign-in.
    """

    def check() -> None:
        check_room(state, request)
        limit.check(state, request, _receiving_unit(state, request.data) or "")

    def permit(refused: Refused | None) -> None:
        authority.check(request, lambda: _bonds(state, request.data), refused, signed_in=signed_in)

    return decide_by(_DECISIONS, catalogue, state, request, check, permit)


def _bonds(state: Intake, data: EventData) -> Bonds:
    receiving = _receiving_unit(state, data)
    return Bonds(
        receiving=receiving,
        returning=state.filed.returning_unit if state.filed else None,
        handling=state.handling_unit or receiving,
        named=data.unit if isinstance(data, intake.SupplementDeliveryRequested) else None,
    )


def _receiving_unit(state: Intake, data: EventData) -> str | None:
    """Return the unit that took the dossier in, or is asked to."""
    filing = data.filing if isinstance(data, intake.ReceptionRequested) else data
    if isinstance(filing, intake.FilingForm):
        return filing.receiving_unit
    return state.filed.receiving_unit if state.filed is not None else None


def _register(
    catalogue: Catalogue, state: Intake, request: Event, data: intake.RegistrationRequested
) -> Facts:
    _absent(state, request)
    procedure = _fits(catalogue, data, request.time)
    return [intake.DossierRegistered(**_taken(procedure, data))]


def _receive(
    catalogue: Catalogue, state: Intake, request: Event, data: intake.ReceptionRequested
) -> Facts:
    if data.filing is not None:
        _absent(state, request)
        procedure = _fits(catalogue, data.filing, request.time)
        return _received(catalogue, procedure, _taken(procedure, data.filing), who(request))
    _present(state, request)
    if state.span.received_at is not None:
        raise Refused(RefusalReason.WRONG_STATE, "the dossier was received already")
    must_be(state, request.time, _REGISTERED, to="be received")
    filed = msgspec.structs.asdict(state.filed)  # type: ignore[arg-type]
    # What was registered under another catalogue is received under today's.
    procedure = _known_procedure(catalogue, filed["procedure"])
    return _received(catalogue, procedure, {**filed, "level": procedure.level}, who(request))


def _received(catalogue: Catalogue, procedure: Procedure, filing: dict[str, Any], by: str) -> Facts:
    """Return the reception with what the catalogue promises, and the demand for an unpaid fee."""
    promise = catalogue.promise(procedure)
    facts: list[EventData] = [intake.DossierReceived(**filing, by=by, promise=promise)]
    if owed := procedure.fee - filing["fee"]:
        facts.append(intake.PaymentDemanded(amount=owed, reason=_FEE, by=by))
    return facts


_FEE = "Phí, lệ phí theo quy định của thủ tục"


def _reject(_: Catalogue, state: Intake, request: Event, data: intake.RejectionRequested) -> Facts:
    _present(state, request)
    must_be(state, request.time, _REGISTERED, to="be refused reception")
    return [intake.DossierNotReceived(reason=data.reason, by=who(request))]


def _demand_supplement(
    _: Catalogue, state: Intake, request: Event, data: intake.SupplementDemandRequested
) -> Facts:
    _present(state, request)
    check_papers(data.documents)
    _not_long_past(data.until)
    must_be(state, request.time, _RUNNING, to="be sent back for a supplement")
    return [
        intake.SupplementDemanded(
            documents=data.documents, reason=data.reason, until=data.until, by=who(request)
        )
    ]


def _deliver_supplement(
    catalogue: Catalogue,
    state: Intake,
    request: Event,
    data: intake.SupplementDeliveryRequested,
) -> Facts:
    _present(state, request)
    _known_unit(catalogue, data.unit, "unit", request.time)
    check_papers(data.documents)
    must_be(state, request.time, _SUPPLEMENT, to="take a supplement")
    return [intake.SupplementDelivered(documents=data.documents, unit=data.unit)]


def _demand_payment(
    _: Catalogue, state: Intake, request: Event, data: intake.PaymentDemandRequested
) -> Facts:
    _present(state, request)
    _not_long_past(data.until)
    must_be(state, request.time, _RUNNING, to="be asked for a payment")
    return [
        intake.PaymentDemanded(
            amount=data.amount, reason=data.reason, until=data.until, by=who(request)
        )
    ]


def _report_payment(
    _: Catalogue, state: Intake, request: Event, data: intake.PaymentReportRequested
) -> Facts:
    _present(state, request)
    outstanding = state.outstanding
    if outstanding == 0:
        raise Refused(RefusalReason.NOTHING_OUTSTANDING, "no payment is outstanding")
    if data.amount > outstanding:
        raise Refused(
            RefusalReason.OVERPAID,
            f"{data.amount} dong is more than the {outstanding} dong outstanding",
        )
    return [
        intake.PaymentReceived(
            amount=data.amount,
            outstanding=outstanding - data.amount,
            reference=data.reference,
        )
    ]


def _withdraw(
    _: Catalogue, state: Intake, request: Event, data: intake.WithdrawalRequested
) -> Facts:
    _present(state, request)
    must_be(state, request.time, _OPEN, to="be withdrawn")
    return [intake.DossierWithdrawn(reason=data.reason)]


_DECISIONS: dict[type[EventData], tuple[Decision[Catalogue, Intake], type[Refusal]]] = {
    intake.RegistrationRequested: (_register, refusals.RegistrationRefused),
    intake.ReceptionRequested: (_receive, refusals.ReceptionRefused),
    intake.RejectionRequested: (_reject, refusals.RejectionRefused),
    intake.SupplementDemandRequested: (_demand_supplement, refusals.SupplementDemandRefused),
    intake.SupplementDeliveryRequested: (_deliver_supplement, refusals.SupplementDeliveryRefused),
    intake.PaymentDemandRequested: (_demand_payment, refusals.PaymentDemandRefused),
    intake.PaymentReportRequested: (_report_payment, refusals.PaymentReportRefused),
    intake.WithdrawalRequested: (_withdraw, refusals.WithdrawalRefused),
}

REQUESTS = tuple(_DECISIONS)
"""The requests that intake decides."""


# -- what a dossier must be ---------------------------------------------------------


def _absent(state: Intake, request: Event) -> None:
    if state.filed is not None:
        raise Refused(RefusalReason.ALREADY_EXISTS, f"there is a dossier {request.subject} already")


def _present(state: Intake, request: Event) -> None:
    if state.filed is None:
        raise Refused(RefusalReason.UNKNOWN_DOSSIER, f"there is no dossier {request.subject}")


_REGISTERED = frozenset({PublicStatus.REGISTERED})
_RUNNING = frozenset({PublicStatus.RECEIVED, PublicStatus.IN_PROCESS})
_SUPPLEMENT = frozenset({PublicStatus.SUPPLEMENT_REQUESTED})
_OPEN = frozenset(PublicStatus) - ENDED


def _not_long_past(until: datetime | None) -> None:
    if until is not None and until < EARLIEST:
        raise Refused(RefusalReason.WRONG_DATE, f"until: {rfc3339(until)} is before the year 2000")


# -- what a filing must be ----------------------------------------------------------


def _fits(catalogue: Catalogue, filing: intake.FilingForm, at: datetime) -> Procedure:
    """Return the filing's procedure. Raise Refused if the filing is not as the catalogue has it."""
    procedure = _known_procedure(catalogue, filing.procedure)
    check_papers(filing.documents)
    if filing.channel not in procedure.channels:
        offered = ", ".join(procedure.channels)
        raise Refused(
            RefusalReason.CHANNEL_NOT_OFFERED,
            f"procedure {procedure.code} is offered by {offered}, not by {filing.channel}",
        )
    if filing.level is not None and filing.level is not procedure.level:
        raise Refused(
            RefusalReason.LEVEL_NOT_OFFERED,
            f"level: procedure {procedure.code} is offered at level {procedure.level}, "
            f"not {filing.level}",
        )
    if filing.fee is not None and filing.fee > procedure.fee:
        raise Refused(
            RefusalReason.OVERPAID,
            f"fee: procedure {procedure.code} costs {procedure.fee} dong, not {filing.fee}",
        )
    _known_unit(catalogue, filing.receiving_unit, "receiving_unit", at)
    _known_unit(catalogue, filing.returning_unit, "returning_unit", at)
    if filing.place not in catalogue.places:
        raise Refused(
            RefusalReason.UNKNOWN_PLACE, f"place: no unit of the city answers for {filing.place}"
        )
    return procedure


def _known_procedure(catalogue: Catalogue, code: str) -> Procedure:
    procedure = catalogue.procedures.get(code)
    if procedure is None:
        raise Refused(RefusalReason.UNKNOWN_PROCEDURE, f"there is no procedure {code}")
    return procedure


def _known_unit(catalogue: Catalogue, code: str, field: str, at: datetime) -> None:
    if (fault := unit_fault(catalogue, code, at)) is not None:
        raise Refused(RefusalReason.UNKNOWN_UNIT, f"{field}: {fault}")


def unit_fault(catalogue: Catalogue, code: str, at: datetime) -> str | None:
    """Return why nothing can be handed in or fetched at the unit at that time, or None."""
    unit = catalogue.units.get(code)
    if unit is None:
        return f"there is no unit {code}"
    if unit.exists_at(at):
        return None
    heir = catalogue.heir(code, at)
    return f"unit {code} is not there now" + (
        f"; its successor is {heir.code}" if heir is not unit else ""
    )


def _taken(procedure: Procedure, filing: intake.FilingForm) -> dict[str, Any]:
    """Return the fields of a filing as it is taken: its level and fee by the catalogue."""
    fields = {name: getattr(filing, name) for name in intake.Filing.model_fields}
    fee = filing.fee
    if fee is None:
        fee = 0 if filing.channel is FilingChannel.ONLINE else procedure.fee
    return {**fields, "level": procedure.level, "fee": fee}
