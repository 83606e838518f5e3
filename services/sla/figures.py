"""On-time figures per unit, computed from the dossiers' own states, as integers.

They are counted from the states on demand, so that nothing has to be corrected when an alert
is retracted. A rate is made of two integers at the very end, to two decimals; nothing resolved
is no figure, and not 100 %.
"""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from services.runtime.mongo import Collection, aggregate


async def by_unit(collection: Collection, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """For each unit: carried over, received, resolved, open, and how many were late.

    The period is from `since`, inclusive, to `until`, exclusive. Carried over + received =
    resolved + open, for every unit and every period.
    """
    received, ended = "$state.span.received_at", "$state.span.ended_at"
    over = {
        "$anyElementTrue": {
            "$map": {
                "input": "$state.alerts",
                "as": "a",
                "in": {
                    "$and": [
                        {"$eq": ["$$a.kind", "DossierOverdue"]},
                        {"$ne": [{"$ifNull": ["$$a.retracted", False]}, True]},
                        {"$lt": ["$$a.at", until]},
                    ]
                },
            }
        }
    }
    has_ended = {"$and": [{"$ne": [{"$ifNull": [ended, None]}, None]}, {"$lt": [ended, until]}]}
    carried = {"$lt": [received, since]}
    pipeline: list[dict[str, Any]] = [
        {
            "$match": {
                "state.span.received_at": {"$lt": until},
                "$or": [
                    {"state.span.ended_at": None},
                    {"state.span.ended_at": {"$gte": since}},
                ],
            }
        },
        {"$set": {"_over": over, "_ended": has_ended, "_carried": carried}},
        {
            "$group": {
                "_id": "$state.unit",
                "carried_over": _count("$_carried"),
                "received": _count({"$not": ["$_carried"]}),
                "resolved": _count("$_ended"),
                "resolved_late": _count({"$and": ["$_ended", "$_over"]}),
                "open": _count({"$not": ["$_ended"]}),
                "open_late": _count({"$and": [{"$not": ["$_ended"]}, "$_over"]}),
            }
        },
        {"$sort": {"_id": 1}},
    ]
    rows = []
    async for row in aggregate(collection, pipeline):
        unit = row.pop("_id")
        rows.append({"unit": unit, **row, "on_time_rate": rate(row)})
    return rows


def total(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The whole city's row."""
    names = ("carried_over", "received", "resolved", "resolved_late", "open", "open_late")
    row = {name: sum(r[name] for r in rows) for name in names}
    return {**row, "on_time_rate": rate(row)}


def rate(row: dict[str, Any]) -> str | None:
    """Of those resolved, the share on time, in percent to two decimals; None if none was.

    One late dossier among a million is 99.99, never 100.00.
    """
    resolved, late = row["resolved"], row["resolved_late"]
    if not resolved:
        return None
    share = Decimal(100 * (resolved - late)) / Decimal(resolved)
    shown = share.quantize(Decimal("0.01"), ROUND_HALF_UP)
    return str(shown if shown < 100 or not late else Decimal("99.99"))


def _count(condition: Any) -> dict[str, Any]:
    return {"$sum": {"$cond": [condition, 1, 0]}}
