"""Why a dossier is due when it is, over HTTP: as data, as text, as a drawing."""

from __future__ import annotations

import asyncio
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import FastAPI, Header, Query, Response

from contracts.values import Instant, Locale
from services.runtime import Json, Problem, Running, Settings, failing, invalid_field, state_of
from services.shared.working_time import OutsideCalendar
from services.sla.deciding.decider import judging
from services.sla.dossier.state import Sla
from services.sla.explain.explanation import Explanation, asked_at, explanation, why_unjudged
from services.sla.explain.page import plain_page
from services.sla.explain.texts import load_texts
from services.sla.http.clock_view import ClockView, view
from services.sla.http.routes import Code


class ClockFormat(StrEnum):
    """The formats of the explanation."""

    JSON = "json"
    TEXT = "text"
    SVG = "svg"


_MEDIA_TYPES = {
    ClockFormat.JSON: "application/json",
    ClockFormat.TEXT: "text/plain",
    ClockFormat.SVG: "image/svg+xml",
}
_TEXT = {"schema": {"type": "string"}}

Language = Annotated[Locale, Query(description="The language of the explanation.")]
AsOf = Annotated[
    Instant | None,
    Query(description="As of when, by what is known now; default: now. It may lie in the future."),
]
KnownAt = Annotated[
    Instant | None,
    Query(
        description="By what had been entered by then; default: by all that is known. Without `at` "
        "also as of then. Rules and calendars are those of today."
    ),
]
Wanted = Annotated[ClockFormat | None, Query(description="Else the header Accept decides.")]
Accept = Annotated[str | None, Header(include_in_schema=False)]


def add_clock_routes(app: FastAPI, running: Running[Settings]) -> None:
    """Add the route of the explanation. Raise FileError if its texts are broken."""
    store, texts = running.dossiers.store, load_texts()

    @app.get(
        "/dossiers/{code}/clock",
        tags=["sla"],
        response_model=ClockView,
        responses={
            200: {
                "content": {
                    _MEDIA_TYPES[each]: _TEXT for each in (ClockFormat.TEXT, ClockFormat.SVG)
                }
            },
            404: failing("There is no such dossier, or its clock has not begun."),
            409: failing(
                "The dossier is unjudged, so there is no due time to explain: nobody knows what "
                "was promised, or the calendars lack its years. The detail says which of them."
            ),
        },
    )
    async def read_clock(
        code: Code,
        lang: Language = Locale.VI,
        at: AsOf = None,
        known_at: KnownAt = None,
        format: Wanted = None,
        accept: Accept = None,
    ) -> Response:
        """Return the ledger of the dossier's time, and why it is due when it is, step by step."""
        document = await store.get(code)
        state: Sla = state_of(document, Sla) if document else Sla()
        if state.procedure is None:
            raise Problem(404, "unknown-dossier", f"there is no dossier {code}")
        if (why := why_unjudged(code, state, texts[lang])) is not None:
            raise Problem(409, "unjudged", why, headers={"Content-Language": lang.value})

        def answer() -> Response:
            moment = at or asked_at(state, running.clock.now(), known_at)
            try:
                rules = judging(running.dossiers.worlds.newest, state)
                told = explanation(code, state, rules, texts[lang], moment, known_at)
            except OutsideCalendar as error:
                raise invalid_field("at", str(error)) from error
            if told is None and known_at is not None:
                raise invalid_field("known_at", f"nobody knew by then that the clock of {code} ran")
            if told is None and at is not None:
                raise invalid_field("at", f"the clock of {code} had not begun by then")
            if told is None:
                # Withdrawn before it was received.
                raise Problem(404, "no-clock", f"the clock of {code} has not begun")
            return _response(told, format or preferred(accept), lang, known_at)

        # A long history takes time to explain, and the engine runs on this event loop.
        return await asyncio.to_thread(answer)


def preferred(accept: str | None) -> ClockFormat:
    """Return the format that the header Accept prefers; JSON if it accepts none of them."""
    best, liking = ClockFormat.JSON, 0.0
    for part in (accept or "").split(","):
        media_type, *parameters = (each.strip() for each in part.split(";"))
        quality = next((p[2:] for p in parameters if p.lower().startswith("q=")), "1")
        for offer, offered in _MEDIA_TYPES.items():
            if media_type.lower() == offered and (q := _quality(quality)) > liking:
                best, liking = offer, q
    return best


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _response(
    told: Explanation, format: ClockFormat, lang: Locale, known_at: datetime | None
) -> Response:
    headers = {"Content-Language": lang.value, "Vary": "Accept"}
    match format:
        case ClockFormat.JSON:
            return Json(view(told, known_at), headers=headers)
        case ClockFormat.TEXT:
            return Response(plain_page(told), headers=headers, media_type="text/plain")
        case ClockFormat.SVG:
            return Response(told.svg(), headers=headers, media_type=_MEDIA_TYPES[format])
