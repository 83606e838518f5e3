"""What earlier imports told of each case, so that a later one can say what it tells otherwise.

Services ignore an id that they know. So a fact that comes again with another content would be lost
without a word: it is not sent, and the report counts it; or the whole case is corrected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import msgspec
from pymongo import UpdateOne

from contracts.events.intake import DossierReceived, HistoryClosed
from contracts.values import rfc3339
from contracts.wire.actor import Actor, AuthType
from contracts.wire.envelope import Event, derive_id, fingerprint
from services.intake.imports.bookmarks import DATABASE
from services.runtime import Client
from services.shared.corrections import KEY

COLLECTION = "imports_told"

Contents = Mapping[str, str]
"""By the beginning of a fact's first id: a hash of what it says and, after an ``@``, when it was
entered. What was told by older releases lacks the time, on the log too."""

_HASH = 12


class Told(NamedTuple):
    """What was told of one case."""

    contents: Contents = MappingProxyType({})
    code: str | None = None
    """The dossier's code; None if nothing was told, or by a release that did not keep it."""
    version: str = ""
    """Tells the newest correction from others; empty if the case was never corrected."""
    standard: str | None = None
    """The procedure and the standard time that was promised; None if a date was, or nothing."""
    begun: tuple[str, ...] = ()
    """Ids, by their beginnings, of a correction that may have been sent and was not confirmed."""

    @property
    def standing(self) -> frozenset[str]:
        """The beginnings of the ids of all facts that services may know."""
        return frozenset({*(_id(key, self.version)[:KEY] for key in self.contents), *self.begun})


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

    @property
    def differs(self) -> bool:
        """Whether anything that was told before is told otherwise."""
        return bool(self.differing or self.gone)


def compared(facts: Sequence[Event], before: Told, entered: datetime) -> Comparison:
    """Return what there is to send of one case, and how it differs from what was told before.

    `entered`: when what is new is entered. What comes again was entered when it was first told, so
    that an id has one content for ever. A history's close is not compared: each delivery has its
    own, entered with the newest of its facts.
    """
    told = hashes_of(facts)
    known = {key: value.partition("@")[0] for key, value in before.contents.items()}
    changed = {key for key, content in told.items() if known.get(key, content) != content}
    to_send: list[Event] = []
    newest: datetime | None = None
    for fact in facts:
        key = _key(fact)
        if key in changed:
            continue
        when = newest
        if key in told:
            when = _entered(before.contents[key]) if key in known else entered
            newest = when if newest is None or (when and when > newest) else newest
        to_send.append(in_version(entered_at(fact, when), before.version))
    return Comparison(
        to_send,
        [fact for fact in facts if _key(fact) in changed],
        len(known.keys() - told.keys()),
        {key: said for key, said in contents_of(facts, entered).items() if key not in known},
    )


def hashes_of(facts: Sequence[Event]) -> Mapping[str, str]:
    """Return hashes of what the facts of a case say, but for the history's close."""
    return {_key(f): content_of(f) for f in facts if not isinstance(f.data, HistoryClosed)}


def contents_of(facts: Sequence[Event], entered: datetime) -> Contents:
    """Return what is noted of facts that are entered at that time."""
    return {key: f"{said}@{rfc3339(entered)}" for key, said in hashes_of(facts).items()}


def _entered(value: str) -> datetime | None:
    time = value.partition("@")[2]
    return datetime.fromisoformat(time) if time else None


def entered_at(fact: Event, when: datetime | None) -> Event:
    """Return the fact as the older system enters it at that time."""
    if when is None:
        return fact
    actor = Actor(AuthType.SERVICE_ACCOUNT, fact.source)
    return msgspec.structs.replace(fact, recorded=when, actor=actor)


def in_version(fact: Event, version: str) -> Event:
    """Return the fact as a correction tells it: under another id, and caused by it."""
    if not version:
        return fact
    return msgspec.structs.replace(
        fact, id=_id(_key(fact), version), cause=derive_id("correction", version)
    )


def _id(key: str, version: str) -> str:
    return derive_id(key, version) if version else key


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
    return fact.id[:KEY]


class ToldBefore(Protocol):
    """Remembers what was told of the cases of one older system."""

    async def of(self, cases: Iterable[str]) -> Mapping[str, Told]:
        """Return what was told, of those of the cases of which something was."""
        ...

    async def begin(self, ids: Mapping[str, Iterable[str]]) -> None:
        """Note the ids, by case, of corrections that are about to be sent."""
        ...

    async def note(self, new: Mapping[str, Told]) -> None:
        """Note what else is told by now, by case."""
        ...

    async def replace(self, corrected: Mapping[str, Told]) -> None:
        """Note what is told by now of cases whose correction was sent, and nothing else."""
        ...


class MongoToldBefore:
    """One document per older system and case."""

    def __init__(self, client: Client, source: str) -> None:
        self._told = client[DATABASE][COLLECTION]
        self._source = source

    async def of(self, cases: Iterable[str]) -> Mapping[str, Told]:
        wanted = [self._id(case) for case in cases]
        found: dict[str, Told] = {}
        async for entry in self._told.find({"_id": {"$in": wanted}}):
            found[entry["_id"].removeprefix(self._id(""))] = Told(
                entry.get("facts", {}),
                entry.get("code"),
                entry.get("version", ""),
                entry.get("standard"),
                tuple(entry.get("begun", ())),
            )
        return found

    async def begin(self, ids: Mapping[str, Iterable[str]]) -> None:
        await self._write(
            UpdateOne({"_id": self._id(case)}, {"$addToSet": {"begun": {"$each": sorted(begun)}}})
            for case, begun in ids.items()
        )

    async def note(self, new: Mapping[str, Told]) -> None:
        await self._write(
            UpdateOne({"_id": self._id(case)}, {"$set": _more(told)}, upsert=True)
            for case, told in new.items()
            if told.contents
        )

    async def replace(self, corrected: Mapping[str, Told]) -> None:
        await self._write(
            UpdateOne({"_id": self._id(case)}, {"$set": _all(told), "$unset": {"begun": ""}})
            for case, told in corrected.items()
        )

    async def _write(self, writes: Iterable[UpdateOne]) -> None:
        if found := list(writes):
            await self._told.bulk_write(found, ordered=False)

    def _id(self, case: str) -> str:
        return f"{self._source}/{case}"


def _more(told: Told) -> dict[str, Any]:
    known: dict[str, Any] = {f"facts.{key}": said for key, said in told.contents.items()}
    known["code"] = told.code
    if told.standard is not None:
        known["standard"] = told.standard
    return known


def _all(told: Told) -> dict[str, Any]:
    facts = dict(told.contents)
    return {"code": told.code, "facts": facts, "version": told.version, "standard": told.standard}
