"""What earlier imports told of each case, so that a later one can say what it tells otherwise.

Services ignore an id that they know. So a fact that comes again with another content would be lost
without a word: it is not sent, and the report counts it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from pymongo import UpdateOne

from contracts.events.intake import DossierReceived, HistoryClosed
from contracts.wire.envelope import Event, fingerprint
from services.intake.imports.bookmarks import DATABASE
from services.runtime import Client

COLLECTION = "imports_told"

Contents = Mapping[str, str]
"""By a fact's short id: a hash of what it says."""

_ID = 13
_HASH = 12


class Comparison(NamedTuple):
    """What a case tells now, beside what was told of it before."""

    to_send: list[Event]
    """What is new, and what says the same as before."""
    differing: list[Event]
    """What was told before, and says something else now."""
    gone: int
    """How many facts were told before and are not told any more."""
    new: Contents
    """What was not told before."""


def compared(facts: Sequence[Event], known: Contents) -> Comparison:
    """Return what there is to send of one case, and how it differs from what was told before.

    A history's close is not compared: each delivery has its own.
    """
    told = {_key(f): content_of(f) for f in facts if not isinstance(f.data, HistoryClosed)}
    changed = {key for key, content in told.items() if known.get(key, content) != content}
    return Comparison(
        [fact for fact in facts if _key(fact) not in changed],
        [fact for fact in facts if _key(fact) in changed],
        len(known.keys() - told.keys()),
        {key: content for key, content in told.items() if key not in known},
    )


def content_of(fact: Event) -> str:
    """Return a hash of what the log says with a fact.

    A standard time is the catalogue's word, which may change while the log stays the same; and a
    field that a later release adds says nothing as long as it has its default.
    """
    said = fact.data.model_dump(mode="json", exclude_defaults=True)
    promise = fact.data.promise if isinstance(fact.data, DossierReceived) else None
    if promise is not None and promise.due is None:
        del said["promise"]
    return fingerprint([fact.data.NAME, fact.subject, fact.time.isoformat(), said])[:_HASH]


def _key(fact: Event) -> str:
    return fact.id[:_ID]


class ToldBefore(Protocol):
    """Remembers what was told of the cases of one older system."""

    async def of(self, cases: Iterable[str]) -> Mapping[str, Contents]:
        """Return what was told, of those of the cases of which something was."""
        ...

    async def note(self, new: Mapping[str, Contents]) -> None:
        """Note what else is told now, by case."""
        ...


class MongoToldBefore:
    """One document per older system and case."""

    def __init__(self, client: Client, source: str) -> None:
        self._told = client[DATABASE][COLLECTION]
        self._source = source

    async def of(self, cases: Iterable[str]) -> Mapping[str, Contents]:
        wanted = [self._id(case) for case in cases]
        found: dict[str, Contents] = {}
        async for entry in self._told.find({"_id": {"$in": wanted}}):
            found[entry["_id"].removeprefix(self._id(""))] = entry["facts"]
        return found

    async def note(self, new: Mapping[str, Contents]) -> None:
        writes = [
            UpdateOne(
                {"_id": self._id(case)},
                {"$set": {f"facts.{key}": content for key, content in contents.items()}},
                upsert=True,
            )
            for case, contents in new.items()
            if contents
        ]
        if writes:
            await self._told.bulk_write(writes, ordered=False)

    def _id(self, case: str) -> str:
        return f"{self._source}/{case}"
