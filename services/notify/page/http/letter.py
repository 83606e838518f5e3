"""The letter of apology for printing, on the circular's form.

It is opened with the look-up key, as the receipt is: it is printed for the applicant. The name is
written on the paper: no record has it, and no other view of the letter has a place for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.catalogue import FormKind
from contracts.values import Locale
from services.notify.page.http.errors import NoLetter
from services.notify.page.security.gate import Opened
from services.notify.page.text.words import Words


def letter(opened: Opened, words: Mapping[Locale, Words]) -> dict[str, Any]:
    """Return what the letter's template shows, of the newest one. Raise NoLetter."""
    state, vi, en = opened.state, words[Locale.VI], words[Locale.EN]
    written = state.letter
    if written is None:
        raise NoLetter
    found = vi.catalogue.form(FormKind.APOLOGY, written.at)
    assert found is not None
    circular, form = found
    previous = written.previous or state.original_due
    return {
        "code": opened.code,
        "key": opened.key,
        "circular": circular,
        "form": form,
        "procedure": vi.procedure(state.procedure),
        "procedure_en": en.procedure(state.procedure),
        "unit": vi.office(written.unit),
        "unit_en": en.office(written.unit),
        "at": vi.moment(written.at),
        "reason": written.reason,
        "previous": vi.moment(previous) if previous else None,
        "due": vi.moment(written.due) if written.due else None,
        "delegated": written.delegated,
    }
