"""Dossier codes: a daily sequence per receiving agency, no number given twice.

The counter is the only thing that an HTTP call writes before the log. If a request never reaches
the log, its number is lost: there may be gaps, never duplicates.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from contracts.wire.envelope import derive_id
from services.runtime import Database

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


KEY_LIFETIME = timedelta(days=7)
"""How long an idempotency key finds the code that was drawn for it."""


class CallersKey(NamedTuple):
    """An idempotency key, and whose it is."""

    caller: str
    key: str
    now: datetime
    """By the wall clock, in a replay too: the caller's present time counts."""


def format_code(agency: str, day: str, number: int) -> str:
    """Return ``AGENCY-YYMMDD-NNNN``; past 9999 in one day the number gets longer, not ambiguous."""
    return f"{agency}-{day}-{number:04d}"


def day_of(time: datetime) -> str:
    """Return the day of a dossier code, YYMMDD, by the calendar in Vietnam."""
    return time.astimezone(VIETNAM).strftime("%y%m%d")


class Codes:
    """Draws codes from counters in MongoDB, shared by every instance."""

    def __init__(self, database: Database) -> None:
        self._counters = database["code_counters"]
        self._drawn = database["codes_drawn"]

    async def prepare(self) -> None:
        """Have the database forget drawn codes by itself; calling this again is a no-op."""
        await self._drawn.create_index("until", name="forget", expireAfterSeconds=0)

    async def draw(self, agency: str, time: datetime, key: CallersKey | None = None) -> str:
        """Return the next code of the agency's day; for a known key, the same code again."""
        if key is None:
            return await self._next(agency, time)
        name = derive_id("hand-in", key.caller, key.key)
        known = await self._drawn.find_one({"_id": name})
        if known is None:
            code = await self._next(agency, time)
            try:
                await self._drawn.insert_one(
                    {"_id": name, "code": code, "until": key.now + KEY_LIFETIME}
                )
            except DuplicateKeyError:
                # The same request came in twice at once: the first to write wins.
                known = await self._drawn.find_one({"_id": name})
            else:
                return code
        assert known is not None
        return str(known["code"])

    async def at_least(self, agency: str, day: str, number: int) -> None:
        """Let no number up to this one be drawn: others have given these numbers."""
        await self._counters.update_one(
            {"_id": f"{agency}-{day}"}, {"$max": {"last": number}}, upsert=True
        )

    async def _next(self, agency: str, time: datetime) -> str:
        day = day_of(time)
        counter = await self._counters.find_one_and_update(
            {"_id": f"{agency}-{day}"},
            {"$inc": {"last": 1}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return format_code(agency, day, counter["last"])
