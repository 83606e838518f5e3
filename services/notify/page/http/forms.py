"""The page's forms, which become requests to notify itself: preferences, and the rating.

No cookie identifies a person: a form contains the dossier's key. So another site has nothing that
it could make a browser send.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs

from pydantic import ValidationError
from starlette.requests import Request

from contracts.events.notify import MessageChannel, PreferencesRequested, RatingRequested
from contracts.events.refusals import RefusalReason
from contracts.model import EventData
from contracts.wire.actor import NOBODY
from services.notify.page.http.errors import HalfQuiet, WrongForm
from services.runtime import Requests

_MEDIA_TYPE = "application/x-www-form-urlencoded"
LONGEST_FORM = 4096
"""Bytes of a form: a tenth of it is all that a page's form ever sends."""
_MOST = 50

Fields = Mapping[str, Sequence[str]]


async def fields_of(request: Request) -> Fields:
    """Return a form's fields, without empty ones. Raise WrongForm."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _MEDIA_TYPE:
        raise WrongForm
    try:
        return parse_qs((await request.body()).decode(), max_num_fields=_MOST)
    except ValueError:
        raise WrongForm from None


def one(fields: Fields, name: str) -> str:
    """Return a field's first value; empty if it is missing."""
    return fields.get(name, [""])[0]


def preferences(fields: Fields) -> PreferencesRequested:
    """Return what the citizen chose. Raise WrongForm or HalfQuiet."""
    try:
        chosen = PreferencesRequested.model_validate(
            {
                "channels": tuple(dict.fromkeys(fields.get("channels", ()))) or None,
                "locale": one(fields, "locale") or None,
                "opted_out": bool(one(fields, "opted_out")),
                "quiet_from": one(fields, "quiet_from") or None,
                "quiet_until": one(fields, "quiet_until") or None,
            }
        )
    except ValidationError:
        raise WrongForm from None
    if MessageChannel.LEDGER in (chosen.channels or ()):
        raise WrongForm  # it tells nobody anything
    if (chosen.quiet_from is None) != (chosen.quiet_until is None):
        raise HalfQuiet
    return chosen


def rating(fields: Fields) -> RatingRequested:
    """Return the citizen's rating. Raise WrongForm."""
    try:
        return RatingRequested.model_validate({"score": one(fields, "score")})
    except ValidationError:
        raise WrongForm from None


async def asked(requests: Requests, code: str, data: EventData) -> str:
    """Return what became of a form's request, as the name of the page's text (``told.…``).

    Whoever has the look-up key asks: nobody vouches for them, whatever a header says. Raise Problem
    503 if the log is away.
    """
    body = data.model_dump(mode="json")
    answer = await requests(requests.event(code, data, key=None, body=body, actor=NOBODY))
    if answer is None:
        return "pending"
    if answer.reason == RefusalReason.ALREADY_RATED:
        return "already-rated"
    if answer.reason is not None:
        return "refused"
    return "rating" if isinstance(data, RatingRequested) else "preferences"
