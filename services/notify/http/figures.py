"""Figures about messages, counted from the dossiers' and deliveries' own states."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pymongo
from pymongo.errors import ExecutionTimeout, NetworkTimeout
from typing_extensions import TypedDict

from services.runtime import Database, Problem, aggregate, described

PATIENCE = 60.0
"""Seconds that counting may take in all; MongoDB gives up then."""
KEPT = 10.0
"""Seconds for which a count is told again instead of counting anew."""


@described
class MessageFigures(TypedDict):
    """How many messages there are."""

    planned: dict[str, int]
    """By template."""
    delivered: dict[str, int]
    """By state, of those that are to be delivered: ``sent`` or ``pending``."""
    not_sent: dict[str, int]
    """By the reason why they were not sent."""


class MessageCount:
    """Counts every message, which reads every state: once at a time, and not again at once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._one = asyncio.Lock()
        self._newest: MessageFigures | None = None
        self._until = 0.0

    async def __call__(self) -> MessageFigures:
        """Return the figures, at most `KEPT` seconds old. Raise Problem 503 while another request
        has them counted for the first time, or if it takes too long."""
        if self._newest is not None and (self._one.locked() or time.monotonic() < self._until):
            return self._newest
        if self._one.locked():
            raise Problem(
                503,
                "figures-being-counted",
                "every message is being counted for another request; ask again later",
                headers={"Retry-After": "5"},
            )
        async with self._one:
            self._newest = await message_figures(self._database)
            self._until = time.monotonic() + KEPT
        return self._newest


async def message_figures(database: Database, patience: float = PATIENCE) -> MessageFigures:
    """Return the messages by template, and what became of those that are to be delivered.

    Raise Problem 503 if it takes longer than `patience`, in seconds.
    """
    await database.command("ping")  # whether it is there at all, it says sooner
    try:
        with pymongo.timeout(patience):
            return await _counted(database)
    except (ExecutionTimeout, NetworkTimeout) as error:
        raise Problem(
            503,
            "figures-too-slow",
            f"counting every message took more than {patience:g} s and was given up; ask again "
            "when the database has less to do, or see motcua_messages_total in /metrics",
            headers={"Retry-After": "60"},
        ) from error


async def _counted(database: Database) -> MessageFigures:
    planned: dict[str, int] = {}
    not_sent: dict[str, int] = {}
    pipeline: list[dict[str, Any]] = [
        {"$unwind": "$state.messages"},
        {
            "$group": {
                "_id": {
                    "template": "$state.messages.template",
                    "not_sent": {"$ifNull": ["$state.messages.not_sent", None]},
                },
                "count": {"$sum": 1},
            }
        },
    ]
    async for row in aggregate(database["dossiers"], pipeline):
        if reason := row["_id"].get("not_sent"):
            not_sent[reason] = not_sent.get(reason, 0) + row["count"]
        else:
            template = row["_id"]["template"]
            planned[template] = planned.get(template, 0) + row["count"]
    delivered: dict[str, int] = {"sent": 0, "pending": 0}
    pipeline = [
        {"$project": {"message": {"$objectToArray": "$state.messages"}}},
        {"$unwind": "$message"},
        # A delivery receipt alone, for a message that nobody planned, is nothing to deliver.
        {
            "$match": {
                "$or": [
                    {"message.v.planned_at": {"$ne": None}},
                    {"message.v.ended_at": {"$ne": None}},
                ]
            }
        },
        {
            "$group": {
                "_id": {
                    "ended": {"$gt": ["$message.v.ended_at", None]},
                    "not_sent": {"$ifNull": ["$message.v.not_sent", None]},
                },
                "count": {"$sum": 1},
            }
        },
    ]
    async for row in aggregate(database["deliveries"], pipeline):
        if reason := row["_id"].get("not_sent"):
            not_sent[reason] = not_sent.get(reason, 0) + row["count"]
        else:
            delivered["sent" if row["_id"]["ended"] else "pending"] += row["count"]
    return {
        "planned": dict(sorted(planned.items())),
        "delivered": delivered,
        "not_sent": dict(sorted(not_sent.items())),
    }
