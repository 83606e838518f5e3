"""Dossier codes: a daily sequence per receiving agency, no number given twice.

The counter is the only thing that an HTTP call writes before the log. If a request never reaches
the log, its number is lost: there may be gaps, never duplicates.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from services.runtime import Database

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


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

    async def draw(self, agency: str, time: datetime, key: str | None = None) -> str:
        """Return the next code of the agency's day; for a known key, the same code again."""
        if key is None:
            return await self._next(agency, time)
        known = await self._drawn.find_one({"_id": key})
        if known is None:
            code = await self._next(agency, time)
            try:
                await self._drawn.insert_one({"_id": key, "code": code})
            except DuplicateKeyError:
                # The same request came in twice at once: the first to write wins.
                known = await self._drawn.find_one({"_id": key})
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
