"""Counts by the dimensions that were asked for.

Dossiers are divided twice: by dimensions (which unit, which field), and by traits (resolved?
late?). A measure is the sum of the cells that have its traits. So MongoDB adds up one number per
combination, and counting and listing share one definition of what counts as what.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from services.runtime import Document


class Dimension(StrEnum):
    """What figures can be divided by."""

    UNIT = "unit"
    """The unit that had the dossier when the period, or the dossier, ended."""
    FIELD = "field"
    """What the procedure is about (lĩnh vực), by the catalogue."""
    PROCEDURE = "procedure"
    CHANNEL = "channel"
    LEVEL = "level"
    """The procedure's online service level."""


UNKNOWN = "unknown"
"""The field of a procedure that the catalogue lacks, e.g. one of an older system."""

Traits = Mapping[str, Any]
"""The traits that a measure requires of a dossier; other traits may have any value."""


class Measure(NamedTuple):
    """One number of the figures, in both languages."""

    vi: str
    en: str
    traits: Traits


@dataclass(frozen=True)
class Scope:
    """The dimensions to divide by, and the values to restrict them to."""

    by: tuple[Dimension, ...] = ()
    only: Mapping[Dimension, Sequence[str]] = field(default_factory=dict)

    def match(self, expressions: Mapping[str, Any]) -> list[Document]:
        """Return the stage that keeps what is in scope, given each dimension's expression."""
        wanted = [{"$in": [expressions[d], list(values)]} for d, values in self.only.items()]
        return [{"$match": {"$expr": {"$and": wanted}}}] if wanted else []

    def group(
        self, expressions: Mapping[str, Any], traits: Sequence[str], amount: Any = 1
    ) -> Document:
        """Return the stage that counts each combination, given dimensions' and traits' expressions.

        `amount` is what a document counts for: 1, or the number of dossiers it stands for.
        """
        # An array, because a document takes MongoDB 6 twice as long.
        cell = [expressions[name] for name in (*self.by, *traits)]
        return {"$group": {"_id": cell, "n": {"$sum": amount}}}


def scope(
    by: Sequence[Dimension] | None,
    *,
    unit: Sequence[str] | None = None,
    field: Sequence[str] | None = None,
    procedure: Sequence[str] | None = None,
    channel: Sequence[str] | None = None,
    level: Sequence[str] | None = None,
) -> Scope:
    """Return the scope of a question: by unit by default; what is left out is unrestricted."""
    only = {
        Dimension.UNIT: unit,
        Dimension.FIELD: field,
        Dimension.PROCEDURE: procedure,
        Dimension.CHANNEL: channel,
        Dimension.LEVEL: level,
    }
    return Scope(
        tuple(dict.fromkeys(by or (Dimension.UNIT,))),
        {dimension: tuple(values) for dimension, values in only.items() if values},
    )


@dataclass(frozen=True)
class Table:
    """A row of numbers for each combination of the dimensions, in order, and the total of all."""

    by: tuple[Dimension, ...]
    rows: list[dict[str, Any]]
    """The dimensions' values and the measures' numbers, each under its name."""
    total: dict[str, int]


def table(
    cells: Iterable[Document],
    by: Sequence[Dimension],
    traits: Sequence[str],
    measures: Mapping[str, Measure],
) -> Table:
    """Return the table of cells as `Scope.group` makes them."""
    total = dict.fromkeys(measures, 0)
    sums: dict[tuple[str, ...], dict[str, int]] = {}
    met: dict[tuple[Any, ...], list[str]] = {}
    for cell in cells:
        key, having = tuple(cell["_id"][: len(by)]), tuple(cell["_id"][len(by) :])
        if having not in met:
            met[having] = met_by(dict(zip(traits, having, strict=True)), measures)
        row = sums.setdefault(key, dict.fromkeys(measures, 0))
        for name in met[having]:
            row[name] += cell["n"]
            total[name] += cell["n"]
    names = [dimension.value for dimension in by]
    rows = [
        {**dict(zip(names, key, strict=True)), **numbers} for key, numbers in sorted(sums.items())
    ]
    return Table(tuple(by), rows, total)


def met_by(having: Traits, measures: Mapping[str, Measure]) -> list[str]:
    """Return the measures that a dossier with these traits counts in."""
    return [
        name
        for name, measure in measures.items()
        if all(having[trait] == wanted for trait, wanted in measure.traits.items())
    ]
