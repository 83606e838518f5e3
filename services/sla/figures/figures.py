"""Figures counted from the dossiers' own states, on demand: a retraction leaves no trace in them.

Each partition of the log is counted by itself, in one read as of one moment (MongoDB's read concern
"snapshot"). So each dossier is counted once, as it was before or after a change that happens
meanwhile. Between partitions there is no order anyway.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pymongo
from pymongo import ASCENDING
from pymongo.read_concern import ReadConcern

from services.runtime import Collection, Document, aggregate
from services.sla.figures.counting import MEASURES, TRAITS, PeriodCount
from services.sla.figures.tables import Dimension, Measure, Scope, Table, met_by, table

PATIENCE = 240.0
"""Seconds that one read may take. MongoDB keeps the past for five minutes."""
_AT_ONCE = 4
"""The number of partitions read side by side."""


@dataclass(frozen=True)
class Sheet:
    """What is counted over the states of a collection."""

    collection: Collection
    reading: PeriodCount
    measures: Mapping[str, Measure]
    traits: Mapping[str, Any]
    """The expression of each trait that the measures use."""

    async def count(self, scope: Scope) -> Table:
        """Return the measures by the dimensions of the scope."""
        given = {**self.reading.dimensions(), **self.traits}
        stages = [*scope.match(given), scope.group(given, list(self.traits))]
        cells = await self._of_each_partition(
            lambda partition: [{"$match": self.reading.selection(partition)}, *stages]
        )
        found = [cell for of_partition in cells for cell in of_partition]
        # By all dimensions there are a hundred thousand cells: too many for the event loop.
        return await asyncio.to_thread(table, found, scope.by, list(self.traits), self.measures)

    async def dossiers(
        self, scope: Scope, measure: str, *, after: str = "", limit: int | None = None
    ) -> list[Document]:
        """Return the dossiers behind one number, in code order, those after `after`."""
        given = {**self.reading.dimensions(), **self.traits}
        shown = {**given, **self.reading.times()}
        stages: list[Document] = [
            *scope.match(given),
            {"$project": shown},
            {"$match": dict(self.measures[measure].traits)},
            {"$sort": {"_id": ASCENDING}},
        ]
        if limit is not None:
            stages.append({"$limit": limit})
        found = await self._of_each_partition(
            lambda partition: [
                {"$match": {**self.reading.selection(partition), "_id": {"$gt": after}}},
                *stages,
            ]
        )
        merged = heapq.merge(*found, key=lambda row: str(row["_id"]))
        return [listed(row["_id"], row, self.measures) for row in islice(merged, limit)]

    async def codes(self, scope: Scope, measure: str, partition: int) -> set[str]:
        """Return the codes of the partition's dossiers behind one number."""
        given = {**self.reading.dimensions(), **self.traits}
        stages = [
            {"$match": self.reading.selection(partition)},
            *scope.match(given),
            {"$project": self.traits},
            {"$match": dict(self.measures[measure].traits)},
            {"$project": {"_id": 1}},
        ]
        return {row["_id"] for row in await read(self.collection, stages)}

    async def _of_each_partition(
        self, pipeline: Callable[[int], Sequence[Document]]
    ) -> list[list[Document]]:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(partition: int) -> list[Document]:
            async with gate:
                return await read(self.collection, pipeline(partition))

        return await asyncio.gather(*(one(p) for p in await partitions(self.collection)))


def figures(collection: Collection, reading: PeriodCount) -> Sheet:
    """Return the figures of a period."""
    return Sheet(collection, reading, MEASURES, {name: reading.traits()[name] for name in TRAITS})


def listed(code: str, row: Document, measures: Mapping[str, Measure]) -> Document:
    """Return a dossier as it is listed: its dimensions, its times, and all that it counts as."""
    return {
        "code": code,
        **{name: row[name] for name in (*(d.value for d in Dimension), *TIMES)},
        "counts": met_by(row, measures),
    }


TIMES = ("received_at", "ended_at", "late_since")
"""The times that are shown of a dossier, as they were at the period's end."""


async def read(collection: Collection, pipeline: Sequence[Document]) -> list[Document]:
    """Return the pipeline's results, as of one moment."""
    of_one_moment = collection.with_options(read_concern=ReadConcern("snapshot"))
    with pymongo.timeout(PATIENCE):
        return [document async for document in aggregate(of_one_moment, pipeline)]


async def partitions(collection: Collection) -> list[int]:
    """Return the partitions that have dossiers."""
    found: list[int] = await collection.distinct("p")
    return sorted(found)
