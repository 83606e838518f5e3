"""Notify over HTTP: what a citizen was told about a dossier."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Path, Response

from contracts.values import DOSSIER_CODE
from services.notify.delivery.delivery import Deliveries
from services.notify.dossier.state import Notify
from services.notify.http.figures import PATIENCE, MessageCount, MessageFigures
from services.notify.http.view import DossierView, view
from services.runtime import UNKNOWN, Json, Problem, Running, Settings, counts_for, state_of

Code = Annotated[str, Path(pattern=DOSSIER_CODE, description="The dossier code.")]


def add_routes(app: FastAPI, running: Running[Settings]) -> None:
    """Add notify's routes."""
    deliveries = running.database["deliveries"]
    counted = MessageCount(running.database)

    @app.get("/dossiers/{code}", tags=["notify"], response_model=DossierView, responses=UNKNOWN)
    async def read(code: Code) -> Response:
        """Return notify's view of the dossier: every message about it, and what became of it."""
        document = await running.dossiers.store.get(code)
        state: Notify | None = state_of(document, Notify) if document else None
        if state is None or state.status is None:
            raise Problem(404, "unknown-dossier", f"there is no dossier {code}")
        kept = await deliveries.find_one({"_id": code})
        ends = state_of(kept, Deliveries) if kept else None
        return Json(view(code, state, ends))

    @app.get(
        "/figures",
        tags=["notify"],
        response_model=MessageFigures,
        openapi_extra=counts_for(PATIENCE + 10.0),
    )
    async def read_figures() -> Response:
        """Return how many messages there are, by template and by what became of them."""
        return Json(await counted())
