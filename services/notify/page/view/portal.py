"""A dossier for other portals: what the page shows, as JSON in both languages. Pure.

States are those of the national portal, 1 to 10. Times are RFC 3339 with the offset +07:00.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from contracts.values import Locale
from services.notify.dossier.state import Notify
from services.notify.page.text.phrase import Say
from services.notify.page.text.texts import Texts
from services.notify.page.text.words import Office, Words
from services.notify.page.view.asked import Asked
from services.notify.page.view.promise import Promise
from services.notify.page.view.status import Look, look


def portal(
    state: Notify,
    words: Mapping[Locale, Words],
    texts: Mapping[Locale, Texts],
    now: datetime | None = None,
) -> dict[str, Any]:
    """The dossier. It names no person. `now` as in `look`."""
    vi, en = (look(state, words[locale], now) for locale in (Locale.VI, Locale.EN))
    promise = vi.promise

    def at(moment: datetime | None) -> str | None:
        return words[Locale.VI].moment(moment).iso if moment else None

    def both(of: Callable[[Look], Say | None]) -> dict[str, str] | None:
        said = of(vi), of(en)
        if said[0] is None or said[1] is None:
            return None
        return {"vi": texts[Locale.VI].say(said[0]), "en": texts[Locale.EN].say(said[1])}

    def unit(of: Callable[[Look], Office | None]) -> dict[str, str] | None:
        found = of(vi), of(en)
        if found[0] is None or found[1] is None:
            return None
        office = found[0]
        names = {"name_vi": office.name, "name_en": found[1].name}
        return {"code": office.code, **names, "address": office.address}

    def because(of: Callable[[Promise], Say | None]) -> dict[str, str] | None:
        """A reason of the date, with a code for programs: the text's own key."""
        said = both(lambda shown: of(shown.promise) if shown.promise else None)
        reason = of(promise) if promise else None
        return {"code": reason.key.partition(".")[2], **said} if reason and said else None

    return {
        "code": vi.code,
        "status": {"code": int(vi.status), "name": both(lambda shown: shown.state)},
        "procedure": {
            "code": state.procedure,
            "name": {"vi": vi.procedure, "en": en.procedure},
        },
        "now": both(lambda shown: shown.now),
        "next": both(lambda shown: shown.next),
        "reason": vi.reason or None,
        "received_at": at(state.span.received_at),
        "ended_at": at(state.span.ended_at),
        "outcome": state.outcome,
        "due": at(state.due),
        "original_due": at(state.original_due),
        "due_reason": because(lambda given: given.why),
        "due_moved": because(lambda given: given.moved),
        "late": bool(promise and promise.late),
        "paused": bool(promise and promise.paused),
        "apology": vi.apology
        and {
            "reason": vi.apology.reason,
            "due": vi.apology.due.iso,
            "unit": vi.apology.unit.code,
            "missed": vi.apology.missed,
        },
        "asked": [_asked(wish) for wish in vi.asked],
        "steps": [
            {"title": {"vi": step.title, "en": english.title}, "state": step.state}
            for step, english in zip(vi.steps, en.steps, strict=True)
        ],
        "handling_unit": unit(lambda shown: shown.handling),
        "receiving_unit": unit(lambda shown: shown.receiving),
        "returning_unit": unit(lambda shown: shown.returning),
        "history": [
            {
                "at": line.at.iso,
                "event": line.event,
                "unit": line.unit or None,
                "text": {
                    "vi": texts[Locale.VI].say(line.what),
                    "en": texts[Locale.EN].say(english.what),
                },
                "reason": line.words or None,
            }
            for line, english in zip(vi.history, en.history, strict=True)
        ],
        "older": vi.older,
        "rating": vi.rating,
    }


def _asked(wish: Asked) -> dict[str, Any]:
    return {
        "kind": wish.kind,
        "reason": wish.reason,
        "documents": wish.documents,
        "amount": wish.amount or None,
        "until": wish.until.iso if wish.until else None,
    }
