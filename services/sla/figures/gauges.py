"""How many dossiers are open, soon due, overdue, unjudged and unrouted in each unit, and what
became of their letters, counted from their states.

Each instance counts the partitions that it owns, so the sum over the instances is the city. Only
announced alerts that are not retracted count, so a retraction needs no correction here.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import Gauge
from pymongo import ReadPreference

from contracts.events import sla
from contracts.events.sla import AlertKind
from contracts.wire.envelope import Event
from services.runtime import Collection, Running, aggregate, patiently
from services.shared.open_dossiers import OPEN
from services.shared.working_time import WORKING_DAY
from services.sla import metrics
from services.sla.dossier.entered import is_late
from services.sla.figures.counting import UNJUDGED, UNROUTED
from services.sla.settings import SlaSettings

Counts = Mapping[str, Counter[str]]
"""For each of `GAUGES`, by name, the number of dossiers of each unit."""

GAUGES: Mapping[str, Gauge] = {
    "open": metrics.OPEN,
    "soon_due": metrics.SOON_DUE,
    "overdue": metrics.OVERDUE,
    "letter_in_time": metrics.LETTERS_IN_TIME,
    "letter_late": metrics.LETTERS_LATE,
    "late_without_letter": metrics.LATE_WITHOUT_LETTER,
    "last_call": metrics.LAST_CALLS,
    "letters_owed": metrics.LETTERS_OWED,
    "unjudged": metrics.UNJUDGED,
    "unrouted": metrics.UNROUTED,
    "entered_late": metrics.ENTERED_LATE,
}
_SHARE = 0.05
"""The largest share of time, on one of the database's cores, that counting takes."""
_LOOK = 0.5
"""Seconds between two checks for a change of owned partitions."""


async def count(collection: Collection, partitions: Iterable[int]) -> Counts:
    """Return the numbers of open dossiers of these partitions, for every gauge and unit."""
    # A secondary, if there is one, is recent enough and has less to do. (Motor's stubs mistake the
    # preferences for their own container.)
    nearby = collection.with_options(
        read_preference=ReadPreference.SECONDARY_PREFERRED  # type: ignore[arg-type]
    )
    counts = {name: Counter[str]() for name in GAUGES}
    for partition in sorted(partitions):
        async for row in aggregate(nearby, [{"$match": {"p": partition, **OPEN}}, *_BY_UNIT]):
            for name, of_units in counts.items():
                of_units[row["_id"]] += row[name]
    return counts


def show(counts: Counts) -> None:
    """Set the gauges. A unit without open dossiers loses its samples."""
    for name, gauge in GAUGES.items():
        gauge.clear()
        for unit in counts["open"]:
            gauge.labels(unit).set(counts[name][unit])


async def keep_counting(running: Running[SlaSettings]) -> None:
    """Count at intervals, and when partitions come or go, until cancelled."""
    settings = running.settings
    engine = running.dossiers
    counted: set[int] | None = None
    again = 0.0

    async def look() -> None:
        nonlocal counted, again
        began = time.monotonic()
        if engine.ownership.owned == counted and began < again:
            return
        try:
            counted = set(engine.ownership.owned)
            show(await count(engine.store.collection, counted))
        finally:
            # A count that failed cost the database as much.
            ended = time.monotonic()
            again = ended + max(settings.count_poll, (ended - began) / _SHARE)

    while True:
        await patiently(look)
        await asyncio.sleep(min(_LOOK, settings.count_poll))


def tell_retractions(events: Sequence[Event]) -> None:
    """Count the retracted alerts, by kind, and the breaches that late entries took back."""
    for event in events:
        if isinstance(event.data, sla.AlertRetracted):
            metrics.RETRACTIONS.labels(event.data.alert).inc()
            if event.data.alert == AlertKind.OVERDUE and is_late(event):
                metrics.BREACHES_TAKEN_BACK.inc()


for _kind in AlertKind:
    metrics.RETRACTIONS.labels(_kind)  # an increase shows only if 0 was reported before


def _how_many(condition: Any) -> dict[str, Any]:
    return {"$sum": {"$cond": [condition, 1, 0]}}


def _stands(kind: AlertKind) -> dict[str, Any]:
    return {"$in": [kind, "$standing"]}


_NO_LETTER = "$no_letter"
_OLD_LAST_CALL = {
    "$and": [
        {"$eq": ["$$alert.kind", AlertKind.APOLOGY_OWED]},
        {"$eq": [{"$ifNull": ["$$alert.about", ""]}, ""]},
    ]
}
"""See `Alert.meant`."""
_FIRST_LETTER = {"$first": {"$first": "$state.letters"}}
_LETTER_LATE = {"$gt": [_FIRST_LETTER, {"$ifNull": ["$state.assessment.letter_by", _FIRST_LETTER]}]}
_BY_UNIT: list[dict[str, Any]] = [
    {
        "$project": {
            "_id": 0,
            "unit": "$state.unit",
            "standing": {
                "$map": {
                    "input": {
                        "$filter": {
                            "input": "$state.alerts",
                            "as": "alert",
                            "cond": {"$ne": ["$$alert.retracted", True]},
                        }
                    },
                    "as": "alert",
                    "in": {"$cond": [_OLD_LAST_CALL, AlertKind.LAST_CALL, "$$alert.kind"]},
                }
            },
            "no_letter": {"$eq": ["$state.letters", []]},
            "letter_late": _LETTER_LATE,
            "exempt": {"$ne": ["$state.exemption", None]},
            "unjudged": UNJUDGED,
            "unrouted": UNROUTED,
            "entered_late": {
                "$gt": [
                    {
                        "$max": {
                            "$map": {
                                "input": {"$ifNull": ["$state.entered_late", []]},
                                "in": {"$last": "$$this"},
                            }
                        }
                    },
                    WORKING_DAY,
                ]
            },
        }
    },
    {
        "$group": {
            "_id": "$unit",
            "open": {"$sum": 1},
            "soon_due": _how_many(
                {
                    "$and": [
                        _stands(AlertKind.SOON_DUE),
                        {"$not": [_stands(AlertKind.OVERDUE)]},
                    ]
                }
            ),
            "overdue": _how_many(_stands(AlertKind.OVERDUE)),
            "late_without_letter": _how_many(
                {"$and": [_stands(AlertKind.OVERDUE), _NO_LETTER, {"$not": ["$exempt"]}]}
            ),
            "letter_in_time": _how_many(
                {
                    "$and": [
                        _stands(AlertKind.OVERDUE),
                        {"$not": [_NO_LETTER]},
                        {"$not": ["$letter_late"]},
                    ]
                }
            ),
            "letter_late": _how_many(
                {"$and": [_stands(AlertKind.OVERDUE), {"$not": [_NO_LETTER]}, "$letter_late"]}
            ),
            "last_call": _how_many(
                {
                    "$and": [
                        _stands(AlertKind.LAST_CALL),
                        _NO_LETTER,
                        {"$not": [_stands(AlertKind.OVERDUE)]},
                    ]
                }
            ),
            "letters_owed": _how_many({"$and": [_stands(AlertKind.APOLOGY_OWED), _NO_LETTER]}),
            "unjudged": _how_many("$unjudged"),
            "unrouted": _how_many("$unrouted"),
            "entered_late": _how_many("$entered_late"),
        }
    },
]
"""The numbers of each unit. Late without a letter is the same as `Sla.letter_missing`."""
