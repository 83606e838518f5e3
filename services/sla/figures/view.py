"""Figures as they are shown: each number and rate under its name, each code with its meaning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from contracts.catalogue import Catalogue
from services.runtime import Document
from services.sla.figures.counting import PeriodCount
from services.sla.figures.rates import SHOWN, rates
from services.sla.figures.snapshots.snapshots import Snapshot
from services.sla.figures.tables import Dimension, Table

DOSSIER_COLUMNS = (
    "code", "unit", "unit_name", "field", "procedure", "procedure_name", "channel", "level",
    "received_at", "ended_at", "late_since", "counts",
)  # fmt: skip
"""The columns of a dossier behind a number, in order. `counts` is all that it counts as."""

SNAPSHOT_COLUMNS = ("period", "since", "until", "frozen_at", "rules", "extended")


def figures_view(table: Table, reading: PeriodCount, catalogue: Catalogue) -> Document:
    """Return the figures of a period, with their rates."""
    return {
        "period": reading.period.name,
        "since": reading.period.since,
        "until": reading.period.until,
        "as_of": reading.as_of,
        "extended": reading.extended,
        **_rows(table, catalogue, rated=True),
    }


def snapshot_view(of: Snapshot, table: Table, catalogue: Catalogue) -> Document:
    """Return the frozen figures of a period, with their rates."""
    return {**_about(of), **_rows(table, catalogue, rated=True)}


def changes_view(of: Snapshot, table: Table, catalogue: Catalogue) -> Document:
    """Return by how much the numbers of a frozen period have changed."""
    return {**_about(of), **_rows(table, catalogue)}


def backlog_view(at: datetime, table: Table, catalogue: Catalogue) -> Document:
    """Return what is open at a moment."""
    return {"at": at, **_rows(table, catalogue)}


def snapshots_view(found: Sequence[Snapshot]) -> Document:
    """Return the frozen periods, each with its total and its rates."""
    return {"items": [{**_about(of), **of.total, **rates(of.total)} for of in found]}


def dossiers_view(rows: Iterable[Document], catalogue: Catalogue) -> list[Document]:
    """Return the dossiers behind a number."""
    return [_named(row, catalogue) for row in rows]


def columns(by: Sequence[Dimension], measures: Iterable[str], *, rated: bool = False) -> list[str]:
    """Return the columns of a table, in order."""
    found: list[str] = []
    for dimension in by:
        found.append(dimension.value)
        if dimension in (Dimension.UNIT, Dimension.PROCEDURE):
            found.append(f"{dimension.value}_name")
    return [*found, *measures, *(rate.name for rate in SHOWN if rated)]


def lines(shown: Document) -> list[Document]:
    """Return the rows of a shown table and, last, its total, named so in the first column."""
    total = {**shown["total"]}
    if shown["by"]:
        total[shown["by"][0]] = "total"
    return [*shown["rows"], total]


def _about(of: Snapshot) -> Document:
    return {
        "period": of.name,
        "since": of.period.since,
        "until": of.period.until,
        "frozen_at": of.frozen_at,
        "rules": of.rules,
        "extended": of.extended,
    }


def _rows(table: Table, catalogue: Catalogue, *, rated: bool = False) -> Document:
    def shown(row: Mapping[str, Any]) -> Document:
        return {**_named(row, catalogue), **(rates(row) if rated else {})}

    return {
        "by": [dimension.value for dimension in table.by],
        "rows": [shown(row) for row in table.rows],
        "total": shown(table.total),
    }


def _named(row: Mapping[str, Any], catalogue: Catalogue) -> Document:
    """Return the row with the Vietnamese names of its unit and procedure, where known."""
    shown: Document = {}
    for name, value in row.items():
        shown[name] = value
        if name == Dimension.UNIT:
            unit = catalogue.units.get(value)
            shown["unit_name"] = unit.name_vi if unit else None
        elif name == Dimension.PROCEDURE:
            procedure = catalogue.procedures.get(value)
            shown["procedure_name"] = procedure.name_vi if procedure else None
    return shown
