"""On-time figures over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Query

from contracts.values import Instant
from services.runtime.problem import invalid_field
from services.runtime.service import Running
from services.sla.figures import by_unit, total


def add_figure_routes(app: FastAPI, running: Running) -> None:
    """Adds the routes of the figures."""
    store = running.engine.store

    @app.get("/figures", tags=["figures"])
    async def read_figures(
        since: Annotated[Instant, Query(description="The period's begin, inclusive.")],
        until: Annotated[Instant, Query(description="The period's end, exclusive.")],
    ) -> dict[str, Any]:
        """On-time figures per unit: carried over + received = resolved + open."""
        if until <= since:
            raise invalid_field("until", "the period must end after it begins")
        rows = await by_unit(store.collection, since, until)
        return {"since": since, "until": until, "units": rows, "total": total(rows)}
