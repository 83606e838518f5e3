"""Freezes the figures of a period that is over.

One instance claims the period and keeps the claim while it works. When it dies, the claim runs out
and the next instance starts again, under a new attempt's number. What an attempt left behind is
never read. It is deleted by its own instance if that lives, otherwise by the attempt that succeeds.
So freezing can be interrupted anywhere, and two instances that freeze at once do no harm: the
period is frozen once, from the rows of one attempt.

First a row is kept for each dossier, then the rows are counted: so numbers and rows always agree.
Each partition's rows are taken as of one moment, as the live figures are. So a fact that is entered
meanwhile is in its dossier's row wholly or not at all, and changes only that dossier. All of it
happens in MongoDB; only the total is read here.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import pymongo
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from services.runtime import Database, Document, Point
from services.sla.deciding.decider import SlaDecider
from services.sla.deciding.rules import Rules
from services.sla.figures.counting import MEASURES, TRAITS, PeriodCount, period_count
from services.sla.figures.figures import PATIENCE, partitions, read
from services.sla.figures.periods import Period
from services.sla.figures.snapshots.snapshots import (
    CELLS,
    DIMENSIONS,
    GIVEN,
    ROWS,
    SNAPSHOTS,
    all_of,
    prepare,
)
from services.sla.figures.tables import Dimension, Scope, Table, table

LEASE = timedelta(seconds=PATIENCE + 60)
"""How long a claim holds after its last renewal, by MongoDB's clock. It is renewed after each read,
so the claim of a live instance does not run out."""

_ALL = Scope(tuple(Dimension))


class FreezeResult(StrEnum):
    """The result of freezing."""

    FROZEN = "frozen"
    ALREADY = "already"
    """It was frozen before."""
    ELSEWHERE = "elsewhere"
    """Another process is freezing it."""


class NotOver(ValueError):
    """The period has not ended: its figures still change by what happens."""


class _ClaimLost(Exception):
    pass


def _silent(_: Point) -> None:
    pass


async def freeze(
    database: Database,
    period: Period,
    rules: Rules,
    now: datetime,
    *,
    passing: Callable[[Point], None] = _silent,
    lease: timedelta = LEASE,
) -> FreezeResult:
    """Freeze a month, a quarter or a year. Again is a no-op. Raise NotOver if it has not ended.

    `passing` is called with each snapshot point that the work comes to.
    """
    assert period.name is not None
    if now < period.until:
        raise NotOver(f"{period.name} is not over before {period.until.isoformat()}")
    await prepare(database)
    work = _Work(database, period.name, period_count(period, now, rules), rules.book.version, lease)
    outcome = await work.claim()
    if outcome is not None:
        return outcome
    passing(Point.SNAPSHOT_CLAIMED)
    try:
        for partition in await partitions(database[SlaDecider.collection]):
            await work.keep_rows(partition)
            passing(Point.SNAPSHOT_ROWS)
        counted = await work.count()
        passing(Point.SNAPSHOT_CELLS)
        await work.finish(counted, now)
    except _ClaimLost:
        await work.delete(all_of(period.name, work.attempt))
        return FreezeResult.ELSEWHERE
    passing(Point.SNAPSHOT_FROZEN)
    return FreezeResult.FROZEN


class _Work:
    def __init__(
        self, database: Database, name: str, reading: PeriodCount, rules: str, lease: timedelta
    ) -> None:
        self._database = database
        self._snapshots = database[SNAPSHOTS]
        self._name = name
        self._reading = reading
        self._rules = rules
        self._lease_until = {"$add": ["$$NOW", lease // timedelta(milliseconds=1)]}
        self._claim = uuid.uuid4().hex
        self.attempt = 0

    async def claim(self) -> FreezeResult | None:
        """Claim the period; return None if it is ours to freeze."""
        free = {
            "$or": [
                {"$eq": [{"$type": "$state"}, "missing"]},
                {
                    "$and": [
                        {"$eq": ["$state", "freezing"]},
                        {"$lte": ["$lease_until", "$$NOW"]},
                    ]
                },
            ]
        }
        fixed = {
            "_id": self._name,
            "state": "freezing",
            "claim": self._claim,
            "since": self._reading.period.since,
            "until": self._reading.period.until,
            "rules": self._rules,
            "extended": self._reading.extended,
        }
        moving = {
            "attempt": {"$add": [{"$ifNull": ["$attempt", 0]}, 1]},
            "lease_until": self._lease_until,
        }
        taken = {"$mergeObjects": [{"$literal": fixed}, moving]}
        try:
            found: Document = await self._snapshots.find_one_and_update(
                {"_id": self._name},
                [{"$replaceWith": {"$cond": [free, taken, "$$ROOT"]}}],
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        except DuplicateKeyError:
            return FreezeResult.ELSEWHERE  # two claimed it at the same instant
        self.attempt = found["attempt"]
        if found["state"] == "frozen":
            return FreezeResult.ALREADY
        return None if found["claim"] == self._claim else FreezeResult.ELSEWHERE

    async def keep_rows(self, partition: int) -> None:
        """Keep a row for each of the partition's dossiers of the period."""
        known = {**self._reading.dimensions(), **self._reading.traits(), **self._reading.times()}
        row = {"_id": self._id("code"), "p": "$p", **known}
        stages = [{"$match": self._reading.selection(partition)}, {"$replaceWith": row}]
        await self._merge(SlaDecider.collection, stages, into=ROWS)

    async def count(self) -> Table:
        """Count the rows and keep the cells; return the table of their total."""
        stages = [{"$match": all_of(self._name, self.attempt)}, _ALL.group(GIVEN, TRAITS)]
        parts = {
            name: {"$arrayElemAt": ["$_id", place]}
            for place, name in enumerate((*DIMENSIONS, *TRAITS))
        }
        cell = {"_id": self._id("cell"), "n": "$n", **parts}
        await self._merge(ROWS, [*stages, {"$replaceWith": cell}], into=CELLS)
        mine = {"$match": all_of(self._name, self.attempt)}
        total = Scope().group(GIVEN, TRAITS, amount="$n")
        return table(await read(self._database[CELLS], [mine, total]), (), TRAITS, MEASURES)

    async def finish(self, counted: Table, now: datetime) -> None:
        """Delete what earlier attempts left behind, and make this attempt the period's figures."""
        earlier = {
            "_id": {
                "$gt": {"period": self._name},
                "$lt": {"period": self._name, "attempt": self.attempt},
            }
        }
        await self.delete(earlier)
        done = {"state": "frozen", "frozen_at": now, "total": counted.total}
        await self._update({"$set": done, "$unset": {"claim": "", "lease_until": ""}})

    async def delete(self, query: Document) -> None:
        """Delete rows and cells."""
        with pymongo.timeout(PATIENCE):
            for name in (ROWS, CELLS):
                await self._database[name].delete_many(query)

    def _id(self, name: str) -> Document:
        """Return the id of a row or cell of this attempt, made from the id of its source."""
        mine = {"period": {"$literal": self._name}, "attempt": {"$literal": self.attempt}}
        return {**mine, name: "$_id"}

    async def _merge(self, source: str, stages: list[Document], *, into: str) -> None:
        await read(self._database[source], [*stages, {"$merge": {"into": into}}])
        await self._update([{"$set": {"lease_until": self._lease_until}}])

    async def _update(self, update: Any) -> None:
        mine = {"_id": self._name, "claim": self._claim}
        if not (await self._snapshots.update_one(mine, update)).matched_count:
            raise _ClaimLost
