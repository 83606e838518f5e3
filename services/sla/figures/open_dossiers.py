"""The open dossiers in sla's collection: how they are found, and which of them to judge anew."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from pymongo import ASCENDING

from services.runtime import Collection
from services.sla.deciding.rules import Rules

OPEN: dict[str, Any] = {
    "state.span.received_at": {"$type": "date"},
    "state.span.ended_at": None,
}
"""The query for them; in a query together with others it has to stand as it is here."""


async def prepare(collection: Collection) -> None:
    """Makes the index by which they are found; again is a no-op.

    Those that are resolved, which in time are nearly all, cost it nothing.
    """
    await collection.create_index(
        [("p", ASCENDING), ("state.rule", ASCENDING), ("state.procedure", ASCENDING)],
        name="open",
        partialFilterExpression=OPEN,
    )


def judged_by_others(rules: Rules) -> dict[str, Any]:
    """The query for the open dossiers whose timers wait to judge them by these rules.

    They are outdated (see `Rules.outdated`), it is known who handles them, and no import is still
    telling of them. Where there are none, the index alone says so.
    """
    procedures: defaultdict[str, list[str]] = defaultdict(list)
    for code in sorted(rules.catalogue.procedures):
        procedures[rules.rule(code)].append(code)
    unknown = rules.rule("")
    others = [code for rule, codes in procedures.items() if rule != unknown for code in codes]
    in_force = sorted({unknown, *procedures})
    wrong: list[dict[str, Any]] = [
        {"state.rule": {"$type": "string", "$nin": in_force}},
        # A rule that is in force, but for other procedures: the catalogue was changed.
        {"state.rule": unknown, "state.procedure": {"$in": others}},
        *(
            {"state.rule": rule, "state.procedure": {"$nin": procedures[rule]}}
            for rule in in_force
            if rule != unknown
        ),
    ]
    return {**OPEN, "state.history": False, "state.unit_since": {"$type": "date"}, "$or": wrong}
