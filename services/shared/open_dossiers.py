"""How the open dossiers of a service are found."""

from __future__ import annotations

from typing import Any

OPEN: dict[str, Any] = {
    "state.span.received_at": {"$type": "date"},
    "state.span.ended_at": None,
}
"""The query for open dossiers; a larger query must contain it in exactly this form, so that their
index serves it. Resolved dossiers, in time nearly all, cost the index nothing."""
