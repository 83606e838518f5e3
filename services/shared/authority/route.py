"""What a route judges by itself, because no decision follows: reading, and what goes elsewhere."""

from __future__ import annotations

from services.runtime import current_actor, not_permitted
from services.shared.authority.judging import Bonds, permits
from services.shared.authority.table import TABLE

_ROWS = {(row.service, row.name): row for row in TABLE}


def must_be_permitted(service: str, name: str, bonds: Bonds) -> None:
    """Raise Problem 403 unless the row of that name lets the caller ask it of such a dossier."""
    row = _ROWS[service, name]
    if not permits(row, current_actor(), bonds):
        raise not_permitted(row.needs)
