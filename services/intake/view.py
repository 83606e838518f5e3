"""A dossier as intake shows it to officers and other systems."""

from __future__ import annotations

from typing import Any

from contracts.catalogue import Catalogue
from services.intake.state import Intake


def view(code: str, state: Intake, catalogue: Catalogue) -> dict[str, Any]:
    """Intake's own view of a dossier."""
    filed = state.filed
    assert filed is not None
    status = state.status
    procedure = catalogue.procedures.get(filed.procedure)
    return {
        "code": code,
        "status": None if status is None else int(status),
        "status_name": None if status is None else status.name.lower(),
        "procedure": filed.procedure,
        "procedure_name": {
            "vi": procedure.name_vi if procedure else None,
            "en": procedure.name_en if procedure else None,
        },
        "channel": filed.channel,
        "level": filed.level,
        "receiving_unit": filed.receiving_unit,
        "returning_unit": filed.returning_unit,
        "place": filed.place,
        "received_at": state.received_at,
        "documents": filed.documents,
        "fee": filed.fee,
        "outstanding": state.outstanding,
        "supplements": [
            {"at": d.at, "documents": d.documents, "reason": d.reason, "until": d.until}
            for d in state.supplements
        ],
        "payments_demanded": [
            {"at": d.at, "amount": d.amount, "reason": d.reason, "until": d.until}
            for d in state.payments_demanded
        ],
        "payments": [{"at": p.at, "amount": p.amount} for p in state.payments],
        "not_received_reason": state.not_received_reason,
        "withdrawal_reason": state.withdrawal_reason,
        "legacy_id": filed.legacy_id,
        "remarks": [{"at": r.at, "activity": r.activity} for r in state.remarks],
    }
