"""How far each import has come, so that an interrupted one continues where it was."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Protocol

from pymongo import ReturnDocument

from services.runtime import Client

DATABASE = "motcua_intake"
COLLECTION = "imports"


class Bookmark(NamedTuple):
    """How far one import has come."""

    traces: int = 0
    """The number of traces, from the file's beginning, that are acknowledged or broken."""
    broken: int = 0
    """The number of them that are broken."""
    finished: bool = False
    """Whether that is the whole file."""
    left_out: int = 0
    """How much of it was not told, though nobody said so on purpose; see `Report.left_out`."""


class Bookmarks(Protocol):
    """Remembers how many traces of an import have been acknowledged."""

    async def begun(self) -> Bookmark:
        """Return what earlier runs have done."""
        ...

    async def entered(self, now: datetime) -> datetime:
        """Return when the import was begun first: now, unless an earlier run began it."""
        ...

    async def note(self, entry: Bookmark) -> None:
        """Note what is done by now."""
        ...


class NoBookmarks:
    """For a correction, which finds out from what was told before what is left to send."""

    async def begun(self) -> Bookmark:
        return Bookmark()

    async def entered(self, now: datetime) -> datetime:
        return now

    async def note(self, entry: Bookmark) -> None:
        pass


class MongoBookmarks:
    """One document per file and mapping, each identified by its SHA-256.

    A corrected file counts as another file: all of it is sent again, with the same ids, and the
    services ignore the events that they know.
    """

    def __init__(self, client: Client, *, file: str, mapping: str, name: str) -> None:
        self._imports = client[DATABASE][COLLECTION]
        self._id = f"{file}:{mapping}"
        self._name = name

    async def begun(self) -> Bookmark:
        entry = await self._imports.find_one({"_id": self._id})
        if entry is None:
            return Bookmark()
        # Entries of an older release do not say what else was left out.
        left_out = entry["left_out" if "left_out" in entry else "broken"]
        return Bookmark(entry["traces"], entry["broken"], entry["finished"], left_out)

    async def entered(self, now: datetime) -> datetime:
        # `$min`, so that of two runs at once both have the same.
        entry = await self._imports.find_one_and_update(
            {"_id": self._id},
            {"$min": {"entered": now}, "$setOnInsert": Bookmark()._asdict()},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        entered: datetime = entry["entered"]
        return entered

    async def note(self, entry: Bookmark) -> None:
        # `$max`, so that two runs at once cannot undo each other's progress.
        await self._imports.update_one(
            {"_id": self._id},
            {
                "$max": entry._asdict(),
                "$set": {"file": self._name},
                "$currentDate": {"updated": True},
            },
            upsert=True,
        )
