"""The receipt for printing (giấy tiếp nhận hồ sơ và hẹn trả kết quả), with the QR code on it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import segno
from markupsafe import Markup

from contracts.catalogue import FormKind
from contracts.values import Locale
from services.notify.page.http.errors import NotReceived
from services.notify.page.security.gate import Opened
from services.notify.page.text.words import Words
from services.notify.page.view.status import status_view


def receipt(opened: Opened, words: Mapping[Locale, Words], link: str) -> dict[str, Any]:
    """Return what the receipt's template shows; `link` is the dossier's address, or empty.

    The circular in force on the day of reception decides the form. Raise NotReceived.
    """
    state, vi, en = opened.state, words[Locale.VI], words[Locale.EN]
    received_at = state.span.received_at
    if received_at is None or state.receiving_unit is None:
        raise NotReceived
    catalogue = vi.catalogue
    procedure = catalogue.procedures.get(state.procedure or "")
    found = catalogue.form(FormKind.RECEIPT, received_at)
    due = state.original_due or state.due
    return {
        "key": opened.key,
        "look": status_view(state, vi),
        "look_en": status_view(state, en),
        "unit": vi.office(state.receiving_unit),
        "unit_en": en.office(state.receiving_unit),
        "received_at": vi.moment(received_at),
        "due": vi.moment(due) if due else None,
        "handed_in": state.papers,
        "papers": procedure.documents if procedure else (),
        "circular": found[0] if found else None,
        "form": found[1] if found else None,
        "qr": qr(link) if link else None,
        "address": link.partition("/status/")[0],
    }


def qr(link: str) -> Markup:
    """Return a QR code as SVG that survives a crease in the paper (error correction M)."""
    drawn = io.BytesIO()
    segno.make(link, error="m", micro=False).save(
        drawn,
        kind="svg",
        xmldecl=False,
        svgns=True,
        nl=False,
        border=4,
        omitsize=True,
        svgclass=None,
        lineclass=None,
    )
    # Drawn by segno from the address alone, which it encodes and does not quote.
    return Markup(drawn.getvalue().decode())
