"""Open pages learn that their dossier has changed: one change stream for all of them.

MongoDB sends only the changes of watched dossiers. When a page comes, the stream is opened again
with its dossier. PyMongo resumes a broken stream from its token. Beyond that nothing depends on a
place in the database's log: whenever a stream was opened, the versions of all watched dossiers are
read once and compared with what the pages have seen. So no change is lost between a page and its
stream, nor when the log was overwritten during an outage.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from inspect import isawaitable
from typing import Any

from pymongo.errors import AutoReconnect

from services.notify import metrics
from services.runtime import Collection, Supervised, patiently

_AWAIT_MS = 250
"""Milliseconds that MongoDB waits for a change before we check for new pages."""


class Full(Exception):
    """No more pages are kept up to date. They can still be read."""


class OpenPage:
    """One open page."""

    def __init__(self, code: str, seen: int) -> None:
        self.code = code
        self.seen = seen
        """The newest version of the dossier that the page was told of."""
        self.closed = False
        self._news = asyncio.Event()

    def tell(self, version: int) -> None:
        """Note that the dossier now has that version."""
        if version > self.seen:
            self.seen = version
            self._news.set()

    def close(self) -> None:
        """Tell the page nothing more."""
        self.closed = True
        self._news.set()

    async def news(self) -> None:
        """Wait until the dossier has a newer version than was told, or the page is closed."""
        await self._news.wait()
        self._news.clear()


class Live:
    """The open pages of this instance."""

    def __init__(
        self,
        collection: Collection,
        stopping: asyncio.Event,
        tasks: Supervised,
        *,
        most: int,
        most_by_address: int,
    ) -> None:
        """`stopping` ends every page."""
        self._collection = collection
        self._stopping = stopping
        self._tasks = tasks
        self._most = most
        self._most_by_address = most_by_address
        self._started = False
        self._pages: dict[str, set[OpenPage]] = {}
        self._by_address: Counter[str] = Counter()
        self._unwatched = asyncio.Event()
        """Set when a page has come that the stream does not know."""

    @contextmanager
    def page(self, code: str, seen: int, address: str) -> Iterator[OpenPage]:
        """Open a page that shows that version, for as long as the context lasts. Raise Full."""
        full = self._by_address.total() >= self._most
        if self._stopping.is_set() or full or self._by_address[address] >= self._most_by_address:
            raise Full
        if not self._started:
            self._started = True
            self._tasks.start(self._tell_all(), "live pages")
            self._tasks.start(self._close_all(), "live pages' end", ends=True)
        page = OpenPage(code, seen)
        self._by_address[address] += 1
        self._pages.setdefault(code, set()).add(page)
        # Also for a dossier that is watched already: its versions must be compared.
        self._unwatched.set()
        metrics.LIVE_PAGES.inc()
        try:
            yield page
        finally:
            metrics.LIVE_PAGES.dec()
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]
            self._pages[code].discard(page)
            if not self._pages[code]:
                del self._pages[code]

    async def _close_all(self) -> None:
        await self._stopping.wait()
        for pages in self._pages.values():
            for page in pages:
                page.close()

    async def _tell_all(self) -> None:
        while True:
            await self._unwatched.wait()
            await patiently(self._follow, saying="open pages are not told of changes")

    async def _follow(self) -> None:
        """Tell pages of changes until another page comes or the last one goes."""
        self._unwatched.clear()
        codes = sorted(self._pages)
        stream: Any = self._collection.watch(_changes_of(codes), max_await_time_ms=_AWAIT_MS)
        if isawaitable(stream):  # the one client wants it, the other has nothing to wait for
            stream = await stream
        async with stream:
            self._tell(await stream.try_next())  # by then it is open, with either client
            async for document in self._collection.find({"_id": {"$in": codes}}, {"v": 1}):
                self._tell_of(document["_id"], document["v"])
            while self._pages and not self._unwatched.is_set():
                self._tell(await stream.try_next())
                if not stream.alive:
                    raise AutoReconnect("the change stream has ended")

    def _tell(self, change: dict[str, Any] | None) -> None:
        if change is not None and (version := change.get("v")) is not None:
            self._tell_of(change["documentKey"]["_id"], version)

    def _tell_of(self, code: str, version: int) -> None:
        for page in self._pages.get(code, ()):
            page.tell(version)


def _changes_of(codes: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"$match": {"documentKey._id": {"$in": codes}}},
        {
            "$project": {
                "documentKey": 1,
                "v": {"$ifNull": ["$fullDocument.v", "$updateDescription.updatedFields.v"]},
            }
        },
    ]
