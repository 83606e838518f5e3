"""The balance that every service can draw from its own states: it must come out the same."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from typing_extensions import TypedDict

from services.runtime.http.answers import described
from services.runtime.mongo.client import Collection

_RECEIVED, _ENDED = "state.span.received_at", "state.span.ended_at"


@described
class Balance(TypedDict):
    """Carried over + received = resolved + open."""

    carried_over: int
    received: int
    resolved: int
    open: int


async def balance(collection: Collection, since: datetime, until: datetime) -> Balance:
    """Carried over + received = resolved + open, from `since` inclusive to `until` exclusive."""

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
