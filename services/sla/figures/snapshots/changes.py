"""What was entered since a period was frozen: its figures now minus the frozen ones.

Both are read by the rules of then, so that a changed rule does not look like a changed fact.
"""

from __future__ import annotations

from collections.abc import Mapping

from contracts.catalogue import Catalogue
from services.runtime import Database, Document
from services.sla.deciding.decider import SlaDecider
from services.sla.figures.counting import MEASURES, PeriodCount, fields_of
from services.sla.figures.figures import Sheet, figures, partitions
from services.sla.figures.snapshots import snapshots
from services.sla.figures.snapshots.snapshots import Snapshot
from services.sla.figures.tables import Scope, Table


async def changes(database: Database, of: Snapshot, scope: Scope, catalogue: Catalogue) -> Table:
    """Return by how much each number has changed, without rows that have not changed."""
    now = await _now(database, of, catalogue).count(scope)
    then = await snapshots.count(database, of, scope)
    names = [dimension.value for dimension in scope.by]
    sums: dict[tuple[str, ...], dict[str, int]] = {}
    for rows, sign in ((now.rows, 1), (then.rows, -1)):
        for row in rows:
            key = tuple(row[name] for name in names)
            _add(sums.setdefault(key, dict.fromkeys(MEASURES, 0)), row, sign)
    total = dict(now.total)
    _add(total, then.total, -1)
    changed = [
        {**dict(zip(names, key, strict=True)), **numbers}
        for key, numbers in sorted(sums.items())
        if any(numbers.values())
    ]
    return Table(scope.by, changed, total)


async def changed_dossiers(
    database: Database, of: Snapshot, scope: Scope, catalogue: Catalogue, measure: str
) -> list[Document]:
    """Return the dossiers that a number has gained (``change`` 1) or lost (-1), in code order.

    Only codes are compared, one partition at a time: a city's month may have two million.
    """
    sheet = _now(database, of, catalogue)
    found: list[Document] = []
    for partition in await partitions(database[SlaDecider.collection]):
        now = await sheet.codes(scope, measure, partition)
        then = await snapshots.codes(database, of, scope, measure, partition)
        found += [{"code": code, "change": 1} for code in now - then]
        found += [{"code": code, "change": -1} for code in then - now]
    return sorted(found, key=lambda each: str(each["code"]))


def _now(database: Database, of: Snapshot, catalogue: Catalogue) -> Sheet:
    reading = PeriodCount(of.period, of.period.until, of.extended, fields_of(catalogue))
    return figures(database[SlaDecider.collection], reading)


def _add(sums: dict[str, int], row: Mapping[str, int], sign: int) -> None:
    for measure in MEASURES:
        sums[measure] += sign * row[measure]
