"""The balance that every service computes from its own states: all must agree."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import FastAPI, Query, Response
from typing_extensions import TypedDict

from contracts.values import Instant
from services.runtime import Collection, Json, described

_RECEIVED, _ENDED = "state.span.received_at", "state.span.ended_at"


@described
class Balance(TypedDict):
    """Carried over + received = resolved + open."""

    carried_over: int
    received: int
    resolved: int
    open: int


async def balance(collection: Collection, since: datetime, until: datetime) -> Balance:
    """Return carried over + received = resolved + open, `since` inclusive, `until` exclusive."""

    async def count(query: dict[str, Any]) -> int:
        return await collection.count_documents(query)

    there = {_RECEIVED: {"$lt": until}}
    open_before = {"$or": [{_ENDED: None}, {_ENDED: {"$gte": since}}]}
    return {
        "carried_over": await count({_RECEIVED: {"$lt": since}, **open_before}),
        "received": await count({_RECEIVED: {"$gte": since, "$lt": until}}),
        "resolved": await count({**there, _ENDED: {"$gte": since, "$lt": until}}),
        "open": await count({**there, "$or": [{_ENDED: None}, {_ENDED: {"$gte": until}}]}),
    }


def add_balance(app: FastAPI, collection: Collection, service: str) -> None:
    """Add the route of the balance that every service computes from its own states."""

    @app.get("/balance", tags=[service], response_model=Balance)
    async def read_balance(
        since: Annotated[Instant, Query(description="The period's begin, inclusive.")],
        until: Annotated[Instant, Query(description="The period's end, exclusive.")],
    ) -> Response:
        """Return carried over + received = resolved + open, as this service sees it."""
        return Json(await balance(collection, since, until))
