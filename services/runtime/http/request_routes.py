"""The one way in which an HTTP route changes a dossier: ask, wait, answer with the outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

import structlog
from fastapi import Header, Query, Response
from pymongo.errors import PyMongoError

from contracts.model import EventData
from contracts.values import EARLIEST, Instant
from services.runtime.http.problem import invalid_field
from services.runtime.http.requests import Requests, respond
from services.runtime.loop.clock import Clock
from services.runtime.transient import is_transient

log = structlog.get_logger("motcua.http")

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="A retry with the same key and body is the same request, as long as the answer "
        "is among the dossier's newest 200; handing in, for seven days. A key is its caller's: of "
        "whoever is signed in, or else of the address.",
    ),
]
At = Annotated[
    Instant | None,
    Query(
        description="When it happened, if it is entered late: not before the year 2000, not in the "
        "future, and no further back than the rules allow."
    ),
]
Show = Callable[[str], Awaitable[Mapping[str, object] | None]]


def past(field: str, at: datetime, now: datetime) -> datetime:
    """Return a time at which something happened. Raise Problem 422 if it is in the future, or
    before the year 2000."""
    if at > now:
        raise invalid_field(field, f"lies in the future; it is {now.isoformat()} now")
    if at < EARLIEST:
        raise invalid_field(field, "lies before the year 2000, from which on calendars are known")
    return at


class RequestRoutes:
    """Makes requests on behalf of a service's routes."""

    def __init__(self, requests: Requests, clock: Clock, show: Show) -> None:
        self._requests = requests
        self._clock = clock
        self._show = show

    def time(self, at: datetime | None) -> datetime:
        """Return when the change happened. Raise Problem 422 for a time that cannot be."""
        now = self._clock.now()
        return now if at is None else past("at", at, now)

    async def __call__(
        self,
        code: str,
        data: EventData,
        key: str | None,
        at: datetime | None = None,
        *,
        made: int = 200,
    ) -> Response:
        """Ask for the change; answer with the fact, the refusal, or where to ask again."""
        body = {"data": data.model_dump(mode="json"), "at": at}
        if at is not None:
            past("at", at, self._clock.now())
        event = self._requests.event(code, data, key=key, body=body, at=at)
        answer = await self._requests(event)
        if answer is None or answer.reason is not None:
            return respond(event, answer, made=made)
        shown: dict[str, Any] = {}
        try:
            shown["dossier"] = await self._show(code)
        except PyMongoError as error:
            if not is_transient(error):
                raise
            # The change is done, which is what was asked; showing the dossier is an extra.
            log.warning("the dossier cannot be shown", dossier=code, error=repr(error))
        return respond(event, answer, made=made, **shown)
