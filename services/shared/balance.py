"""The balance that every service computes from its own states: all must agree."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import FastAPI, Query, Response
from pymongo import ASCENDING
from typing_extensions import TypedDict

from contracts.values import Instant
from services.runtime import Collection, Json, Running, Settings, counts_for, described

PATIENCE = 60.0
"""Seconds that counting may take in all."""
_RECEIVED, _ENDED = "state.span.received_at", "state.span.ended_at"
_INDEX = "figures"
"""By partition: sla's figures are read by the same index."""


@described
class Balance(TypedDict):
    """Carried over + received = resolved + open."""

    carried_over: int
    received: int
    resolved: int
    open: int


async def balance(
    collection: Collection, since: datetime, until: datetime, partitions: int
) -> Balance:
    """Return carried over + received = resolved + open, `since` inclusive, `until` exclusive.

    `partitions` is the number of partitions of the log. What ended before `since` is never read.
    """

    async def count(ended: dict[str, Any], received: dict[str, Any]) -> int:
        mine = {"p": {"$in": list(range(partitions))}}
        query = {**mine, _ENDED: ended, _RECEIVED: received}
        return await collection.count_documents(query)

    # In this form, open dossiers and those that ended later are two ranges of one index.
    open_before, open_after = {"$not": {"$lt": since}}, {"$not": {"$lt": until}}
    return {
        "carried_over": await count(open_before, {"$lt": since}),
        "received": await count(open_before, {"$gte": since, "$lt": until}),
        "resolved": await count({"$gte": since, "$lt": until}, {"$lt": until}),
        "open": await count(open_after, {"$lt": until}),
    }


async def prepare(collection: Collection) -> None:
    """Create the index that counts dossiers by their span; calling this again is a no-op."""
    await collection.create_index(
        [("p", ASCENDING), (_ENDED, ASCENDING), (_RECEIVED, ASCENDING)], name=_INDEX
    )


def add_balance(app: FastAPI, running: Running[Settings], service: str) -> None:
    """Add the route of the balance that every service computes from its own states."""
    collection = running.dossiers.store.collection
    partitions = running.settings.partitions
    running.preparing.append(partial(prepare, collection))

    @app.get("/balance", tags=[service], response_model=Balance, openapi_extra=counts_for(PATIENCE))
    async def read_balance(
        since: Annotated[Instant, Query(description="The period's begin, inclusive.")],
        until: Annotated[Instant, Query(description="The period's end, exclusive.")],
    ) -> Response:
        """Return carried over + received = resolved + open, as this service sees it."""
        return Json(await balance(collection, since, until, partitions))
