"""The open dossiers in sla's collection: how to find them, and which of them to assess anew."""

from __future__ import annotations

from typing import Any

from pymongo import ASCENDING

from services.runtime import Collection
from services.sla.deciding.rules import Rules
from services.sla.dossier.state import Unjudged

OPEN: dict[str, Any] = {
    "state.span.received_at": {"$type": "date"},
    "state.span.ended_at": None,
}
"""The query for open dossiers; a larger query must contain it in exactly this form."""


async def prepare(collection: Collection) -> None:
    """Create the index for finding them; calling this again is a no-op.

    Resolved dossiers, in time nearly all, cost the index nothing.
    """
    await collection.create_index(
        [("p", ASCENDING), ("state.rule", ASCENDING), ("state.procedure", ASCENDING)],
        name="open",
        partialFilterExpression=OPEN,
    )


def judged_by_others(rules: Rules) -> dict[str, Any]:
    """Return the query for open dossiers whose timers wait to assess them by these rules.

    They are outdated (see `Rules.outdated`), their handler is known, and no import is still telling
    their history. If there are none, the index alone shows it.
    """
    return {
        **OPEN,
        "state.history": False,
        "state.unit_since": {"$type": "date"},
        "state.rule": {"$type": "string", "$ne": rules.rule},
        # Other rules do not tell what was promised: it would be found, and left, for ever.
        "state.unjudged": {"$ne": Unjudged.NO_PROMISE.value},
    }
