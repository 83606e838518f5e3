"""A database in memory, behind the calls of a MongoDB client that the services make.

Documents are kept as BSON, so that what is read is what MongoDB would give, and nobody shares an
object with the database. Each instance has a client of its own: its calls take a time that is
drawn, fail now and then before or after they took effect, and for a while after a fail-over may
still go to the old primary, which takes no write and knows nothing of what was written since.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import bson
from bson.codec_options import CodecOptions
from pymongo import InsertOne, UpdateOne
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DuplicateKeyError,
    NetworkTimeout,
    NotPrimaryError,
)
from pymongo.read_concern import ReadConcern

from tests.simulation.chances import Chances, Fault
from tests.simulation.queries import Document, matches, sort_key, updated

_AWARE: CodecOptions[Document] = CodecOptions(tz_aware=True)
_DUPLICATE_KEY = 11000


class _Kept(NamedTuple):
    raw: bytes
    document: Document


Kept = dict[Any, _Kept]


class Server:
    """The one replica set."""

    def __init__(self, chances: Chances) -> None:
        self.chances = chances
        self.away = False
        self._kept: dict[tuple[str, str], Kept] = {}
        self._old: dict[tuple[str, str], Kept] = {}
        """What the old primary knows, as long as somebody takes it for the primary."""
        self._misled: set[str] = set()
        self.owners: set[str] = set()

    def client(self, owner: str = "") -> Any:
        """A client of an instance's own; it stands for Motor's."""
        self.owners.add(owner)
        if self._old and self.chances.draw.random() < 0.5:
            self._misled.add(owner)  # it asks a member that does not know it yet, either
        return _Client(self, owner)

    def fail_over(self, misled: set[str] | None = None) -> None:
        """Another member becomes the primary; some instances, or these, do not know it yet."""
        self._old = {name: dict(kept) for name, kept in self._kept.items()}
        drawn = (o for o in sorted(self.owners) if o and self.chances.draw.random() < 0.7)
        self._misled = set(drawn) if misled is None else misled

    def stepped_down(self) -> None:
        """The old primary knows it, too."""
        self._misled.clear()
        self._old = {}

    def kept(self, name: tuple[str, str]) -> Kept:
        return self._kept.setdefault(name, {})

    def read(self, owner: str, name: tuple[str, str]) -> Kept:
        """What an instance sees of a collection."""
        if owner in self._misled:
            old = self._old.get(name, {})
            if old != self.kept(name):
                self.chances.note(Fault.STALE_READ)
            return old
        return self.kept(name)

    def check_primary(self, owner: str) -> None:
        """Raise NotPrimaryError if the instance writes to the old primary; it looks for the new."""
        if owner in self._misled:
            self._misled.discard(owner)
            raise NotPrimaryError("not primary", {"code": 10107})


class _Client:
    def __init__(self, server: Server, owner: str) -> None:
        self.server = server
        self.owner = owner

    def __getitem__(self, name: str) -> _Database:
        return _Database(self, name)

    def close(self) -> None:
        """Nothing is connected."""


class _Database:
    def __init__(self, client: _Client, name: str) -> None:
        self.client = client
        self.name = name

    def __getitem__(self, name: str) -> _Collection:
        return _Collection(self.client, (self.name, name), _AWARE)


@dataclass
class _Written:
    """The answer to a write."""

    inserted_count: int = 0
    modified_count: int = 0
    deleted_count: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)


class _Collection:
    def __init__(
        self,
        client: _Client,
        name: tuple[str, str],
        codec: CodecOptions[Any],
        *,
        certain: bool = False,
    ) -> None:
        self._certain = certain
        self._client = client
        self._server = client.server
        self._name = name
        self._codec = codec

    def with_options(
        self,
        codec_options: CodecOptions[Any] | None = None,
        read_concern: ReadConcern | None = None,
    ) -> _Collection:
        return _Collection(
            self._client,
            self._name,
            codec_options or self._codec,
            certain=read_concern == ReadConcern("linearizable"),
        )

    async def create_index(self, *_: Any, **__: Any) -> None:
        """Indexes change what a query costs, and not what it finds."""

    # -- reading ----------------------------------------------------------------------------

    def find(
        self, query: Mapping[str, Any], projection: Any = None, batch_size: int = 0
    ) -> _Cursor:
        return _Cursor(self, query)

    async def find_one(self, query: Mapping[str, Any], projection: Any = None) -> Document | None:
        found = await self.look(query)
        return bson.decode(found[0].raw, self._codec) if found else None

    async def count_documents(self, query: Mapping[str, Any]) -> int:
        return len(await self.look(query))

    async def look(self, query: Mapping[str, Any]) -> list[_Kept]:
        chances = self._server.chances
        await self._way()
        if chances.of(Fault.READ_FAILED):
            raise AutoReconnect("the connection broke")
        if self._certain:
            self._server.check_primary(self._client.owner)
        kept = self._server.read(self._client.owner, self._name)
        ids = query.get("_id")
        if isinstance(ids, Mapping) and "$in" in ids:
            some: Iterable[_Kept] = [kept[i] for i in ids["$in"] if i in kept]
        elif ids is not None and not isinstance(ids, Mapping):
            some = [kept[ids]] if ids in kept else []
        else:
            some = kept.values()
        found = [one for one in some if matches(one.document, query)]
        await self._way()
        return found

    def decoded(self, found: Iterable[_Kept]) -> list[Document]:
        return [bson.decode(one.raw, self._codec) for one in found]

    # -- writing ----------------------------------------------------------------------------

    async def insert_one(self, document: Document) -> None:
        written = await self._write([lambda: self._insert(document)])
        if written.errors:
            raise DuplicateKeyError("duplicate key", _DUPLICATE_KEY, written.errors[0])

    async def update_one(self, query: Document, update: Any, upsert: bool = False) -> _Written:
        return await self._write([lambda: self._update(query, update, upsert=upsert)])

    async def update_many(self, query: Document, update: Any) -> _Written:
        return await self._write([lambda: self._update(query, update, many=True)])

    async def delete_many(self, query: Document) -> _Written:
        return await self._write([lambda: self._delete(query)])

    async def bulk_write(
        self, requests: Sequence[InsertOne[Document] | UpdateOne], ordered: bool = True
    ) -> _Written:
        written = await self._write([self._asked(request) for request in requests])
        if written.errors:
            raise BulkWriteError({"writeErrors": written.errors, "writeConcernErrors": []})
        return written

    def _asked(self, request: Any) -> Callable[[], _Written]:
        if isinstance(request, InsertOne):
            return lambda: self._insert(request._doc)
        assert isinstance(request, UpdateOne)
        return lambda: self._update(
            dict(request._filter), request._doc, upsert=bool(request._upsert)
        )

    async def _write(self, acts: Sequence[Callable[[], _Written]]) -> _Written:
        server, chances = self._server, self._server.chances
        await self._way()
        server.check_primary(self._client.owner)
        fault = chances.of(Fault.WRITE_LOST, Fault.WRITE_UNTOLD)
        if fault is Fault.WRITE_LOST:
            raise AutoReconnect("the connection broke before the write")
        if fault is Fault.WRITE_UNTOLD:
            # Perhaps not all of an unordered bulk.
            acts = acts[: chances.draw.randint(0, len(acts))]
        done = _Written()
        for act in acts:
            one = act()
            done.inserted_count += one.inserted_count
            done.modified_count += one.modified_count
            done.deleted_count += one.deleted_count
            done.errors += one.errors
        await self._way()
        if fault is Fault.WRITE_UNTOLD:
            raise NetworkTimeout("no answer in time")
        return done

    def _insert(self, document: Document) -> _Written:
        kept = self._server.kept(self._name)
        if document["_id"] in kept:
            return _Written(errors=[{"code": _DUPLICATE_KEY, "op": document}])
        self._keep(document)
        return _Written(inserted_count=1)

    def _update(
        self, query: Document, update: Any, *, upsert: bool = False, many: bool = False
    ) -> _Written:
        kept = self._server.kept(self._name)
        name = query.get("_id")
        if name is not None and not isinstance(name, Mapping):
            some = [kept[name]] if name in kept else []
        else:
            some = list(kept.values())
        found = [one for one in some if matches(one.document, query)]
        if not found and upsert:
            self._keep(updated({"_id": name}, update))
            return _Written()
        changed = 0
        for one in found if many else found[:1]:
            changed += self._keep(updated(one.document, update))
        return _Written(modified_count=changed)

    def _delete(self, query: Document) -> _Written:
        kept = self._server.kept(self._name)
        gone = [name for name, one in kept.items() if matches(one.document, query)]
        for name in gone:
            del kept[name]
        return _Written(deleted_count=len(gone))

    def _keep(self, document: Document) -> bool:
        """Write a document; return whether it changed."""
        kept = self._server.kept(self._name)
        raw = bson.encode(document)
        before = kept.get(document["_id"])
        if before is not None and before.raw == raw:
            return False
        kept[document["_id"]] = _Kept(raw, bson.decode(raw, _AWARE))
        return True

    async def _way(self) -> None:
        chances = self._server.chances
        if not chances.calm:
            await asyncio.sleep(chances.latency())
        if self._server.away and self._client.owner:
            await asyncio.sleep(0.2)
            raise AutoReconnect("no server is available")


class _Cursor:
    def __init__(self, collection: _Collection, query: Mapping[str, Any]) -> None:
        self._collection = collection
        self._query = query
        self._sort: str | None = None
        self._most: int | None = None

    def sort(self, path: str, direction: int) -> _Cursor:
        assert direction == 1
        self._sort = path
        return self

    def limit(self, most: int) -> _Cursor:
        self._most = most
        return self

    async def to_list(self, length: int | None) -> list[Document]:
        found = await self._collection.look(self._query)
        if (path := self._sort) is not None:
            found.sort(key=lambda one: sort_key(one.document, path))
        return self._collection.decoded(found[: self._most])

    async def __aiter__(self) -> AsyncIterator[Document]:
        for document in await self.to_list(None):
            yield document
