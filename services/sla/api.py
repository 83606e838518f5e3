"""Sla over HTTP: a dossier's clock, and the on-time figures."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Path, Query
from fastapi.encoders import jsonable_encoder

from contracts.values import DOSSIER_CODE, Instant
from services.runtime.problem import Problem, invalid_field
from services.runtime.service import Running
from services.runtime.stored import state_of
from services.sla.figures import by_unit, total
from services.sla.state import Sla
from services.sla.view import view

Code = Annotated[str, Path(pattern=DOSSIER_CODE, description="The dossier code.")]


def add_routes(app: FastAPI, running: Running) -> None:
    """Adds sla's routes."""
    store = running.engine.store

    @app.get("/dossiers/{code}", tags=["sla"])
    async def read(code: Code) -> dict[str, Any]:
        """Sla's view of the dossier: what is due when, by which rule, and what was announced."""
        document = await store.get(code)
        state: Sla | None = state_of(document, Sla) if document else None
        if state is None or state.procedure is None:
            raise Problem(404, "unknown-dossier", f"there is no dossier {code}")
        encoded: dict[str, Any] = jsonable_encoder(view(code, state))
        return encoded

    @app.get("/figures", tags=["sla"])
    async def read_figures(
        since: Annotated[Instant, Query(description="The period's begin, inclusive.")],
        until: Annotated[Instant, Query(description="The period's end, exclusive.")],
    ) -> dict[str, Any]:
        """On-time figures per unit: carried over + received = resolved + open."""
        if until <= since:
            raise invalid_field("until", "the period must end after it begins")
        rows = await by_unit(store.collection, since, until)
        return {"since": since, "until": until, "units": rows, "total": total(rows)}
