"""The receipt that a citizen gets (giấy tiếp nhận hồ sơ), with the look-up key on it."""

from __future__ import annotations

from datetime import datetime

from typing_extensions import TypedDict

from contracts.catalogue import Catalogue, FormKind
from services.intake.state import Intake
from services.runtime import described
from services.shared.lookup_key import LookupKeys


@described
class ReceiptView(TypedDict):
    """The receipt of a dossier, in Vietnamese."""

    code: str
    lookup_key: str
    """Opens the status page, together with the code. It is for the citizen alone."""
    procedure: str
    receiving_unit: str
    received_at: datetime | None
    """Null until an officer has received it."""
    documents: tuple[str, ...]
    fee: int
    """Paid at reception, in dong."""
    form: str | None
    """The form to print, by number and circular; null if none was in force."""


def receipt(code: str, state: Intake, catalogue: Catalogue, keys: LookupKeys) -> ReceiptView:
    """Return what the receipt says. Raise ValueError for a dossier that was not handed in."""
    filed = state.filed
    if filed is None:
        raise ValueError(f"{code} was never handed in")
    procedure = catalogue.procedures.get(filed.procedure)
    unit = catalogue.units.get(filed.receiving_unit)
    return {
        "code": code,
        "lookup_key": keys.key(code),
        "procedure": procedure.name_vi if procedure else filed.procedure,
        "receiving_unit": unit.name_vi if unit else filed.receiving_unit,
        "received_at": state.received_at,
        "documents": filed.documents,
        "fee": filed.fee,
        "form": form_of(state.received_at, catalogue),
    }


def form_of(received_at: datetime | None, catalogue: Catalogue) -> str | None:
    """Return the form to print: that of the circular in force on the day of reception."""
    if received_at is None or (found := catalogue.form(FormKind.RECEIPT, received_at)) is None:
        return None
    circular, form = found
    return f"Mẫu số {form.number}, Thông tư {circular.name}"
