"""Frozen figures: what was published of a period, down to the dossiers behind each number.

Three collections. ``snapshots`` has one document per period. ``snapshot_rows`` has a row for each
of its dossiers, as it was when the period was frozen. ``snapshot_cells`` has those rows counted, so
that a year of them need not be counted again for each question. The id of a row or a cell has the
period and the attempt that made it; only those of the attempt that succeeded are read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pymongo import ASCENDING

from services.runtime import Database, Document
from services.sla.figures.counting import MEASURES, TRAITS
from services.sla.figures.figures import listed, read
from services.sla.figures.periods import Period
from services.sla.figures.tables import Dimension, Scope, Table, table

SNAPSHOTS, ROWS, CELLS = "snapshots", "snapshot_rows", "snapshot_cells"

DIMENSIONS = tuple(dimension.value for dimension in Dimension)
GIVEN = {name: f"${name}" for name in (*DIMENSIONS, *TRAITS)}
"""Each dimension and trait, in a row and in a cell."""
_BEFORE: Document = dict.fromkeys(TRAITS, False)
"""A row that was frozen before there was a trait lacks it: it was not counted as that. In a cell it
is null, which no measure wants."""


@dataclass(frozen=True)
class Snapshot:
    """One period's frozen figures."""

    period: Period
    attempt: int
    frozen_at: datetime
    rules: str
    """The version of the rules by which it was read."""
    extended: Literal["on-time", "late"]
    """How it counts a dossier that missed its first date and kept the second."""
    total: Mapping[str, int]
    """As it was published; 0 for what was not counted then."""

    @property
    def name(self) -> str:
        assert self.period.name is not None
        return self.period.name


async def prepare(database: Database) -> None:
    """Create the indexes for opening a frozen number; calling this again is a no-op."""
    await database[SNAPSHOTS].create_index([("state", ASCENDING)], name="frozen")
    rows = database[ROWS]
    mine = [("_id.period", ASCENDING), ("_id.attempt", ASCENDING)]
    await rows.create_index([*mine, ("unit", ASCENDING), ("_id.code", ASCENDING)], name="of-a-unit")
    await rows.create_index(
        [*mine, ("_id.code", ASCENDING)],
        name="late",
        # One dossier in hundreds: opening the late ones need not look through all.
        partialFilterExpression={"late": True},
    )


async def snapshots(database: Database) -> list[Snapshot]:
    """Return all frozen periods in order of their start, a month before its quarter."""
    cursor = database[SNAPSHOTS].find({"state": "frozen"})
    found = [_snapshot(document) async for document in cursor]
    return sorted(found, key=lambda each: (each.period.since, each.period.until))


async def snapshot(database: Database, name: str) -> Snapshot | None:
    """Return the period's snapshot; None as long as it is not frozen."""
    document = await database[SNAPSHOTS].find_one({"_id": name, "state": "frozen"})
    return None if document is None else _snapshot(document)


async def count(database: Database, of: Snapshot, scope: Scope) -> Table:
    """Return the frozen figures by the dimensions of the scope."""
    cells = await read(
        database[CELLS],
        [
            {"$match": all_of(of.name, of.attempt)},
            *scope.match(GIVEN),
            scope.group(GIVEN, TRAITS, amount="$n"),
        ],
    )
    return await asyncio.to_thread(table, cells, scope.by, TRAITS, MEASURES)


async def dossiers(
    database: Database,
    of: Snapshot,
    scope: Scope,
    measure: str,
    *,
    after: str = "",
    limit: int | None = None,
) -> list[Document]:
    """Return the dossiers behind one frozen number, in code order, those after `after`."""
    query = _behind(scope, measure)
    if "unit" in query or query.get("late"):
        query |= {"_id.period": of.name, "_id.attempt": of.attempt, "_id.code": {"$gt": after}}
        order = "_id.code"
    else:
        query["_id"] = all_of(of.name, of.attempt, after)["_id"]
        order = "_id"
    stages: list[Document] = [{"$match": query}, {"$sort": {order: ASCENDING}}]
    if limit is not None:
        stages.append({"$limit": limit})
    rows = await read(database[ROWS], stages)
    return [listed(row["_id"]["code"], _BEFORE | row, MEASURES) for row in rows]


async def codes(
    database: Database, of: Snapshot, scope: Scope, measure: str, partition: int
) -> set[str]:
    """Return the codes of the partition's dossiers behind one frozen number."""
    query = {**all_of(of.name, of.attempt), "p": partition, **_behind(scope, measure)}
    rows = await read(database[ROWS], [{"$match": query}, {"$project": {"_id": 1}}])
    return {row["_id"]["code"] for row in rows}


def _behind(scope: Scope, measure: str) -> Document:
    only = {dimension.value: {"$in": list(values)} for dimension, values in scope.only.items()}
    return {**only, **MEASURES[measure].traits}


def all_of(period: str, attempt: int, after: str | None = None) -> Document:
    """Return the query for what an attempt made, in its order; for rows, those after a code."""
    begin: dict[str, Any] = {"period": period, "attempt": attempt}
    if after is not None:
        begin["code"] = after
    return {"_id": {"$gt": begin, "$lt": {"period": period, "attempt": attempt + 1}}}


def _snapshot(document: Document) -> Snapshot:
    return Snapshot(
        Period(document["since"], document["until"], document["_id"]),
        document["attempt"],
        document["frozen_at"],
        document["rules"],
        document["extended"],
        {**dict.fromkeys(MEASURES, 0), **document["total"]},
    )
