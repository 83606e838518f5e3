"""Sla over HTTP: a dossier's deadlines and alerts, letters of apology, exemptions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, FastAPI, Path, Response

from contracts.events import sla
from contracts.values import DOSSIER_CODE
from services.runtime import (
    CHANGES,
    UNKNOWN,
    At,
    IdempotencyKey,
    Json,
    Problem,
    RequestRoutes,
    Requests,
    Running,
    Settings,
    Typed,
    state_of,
)
from services.sla.dossier.state import Sla
from services.sla.http.view import ChangedDossier, DossierView, view

Code = Annotated[str, Path(pattern=DOSSIER_CODE, description="The dossier code.")]


def add_routes(app: FastAPI, running: Running[Settings], requests: Requests) -> None:
    """Add the routes about one dossier."""
    store = running.dossiers.store

    async def show(code: str) -> DossierView | None:
        document = await store.get(code)
        state: Sla | None = state_of(document, Sla) if document else None
        return view(code, state) if state and state.procedure else None

    change = RequestRoutes(requests, running.clock, show)
    changes = APIRouter(tags=["sla"], responses=CHANGES)

    @app.get("/dossiers/{code}", tags=["sla"], response_model=DossierView, responses=UNKNOWN)
    async def read(code: Code) -> Response:
        """Return sla's view of the dossier: what is due when, by which rule, what was announced."""
        shown = await show(code)
        if shown is None:
            raise Problem(404, "unknown-dossier", f"there is no dossier {code}")
        return Json(shown)

    @changes.post("/dossiers/{code}/apology", response_model=ChangedDossier)
    async def apologise(
        code: Code, body: Typed[sla.ApologyRequested], key: IdempotencyKey = None, at: At = None
    ) -> Response:
        """Issue the head's letter of apology; its new date moves the due time if the rules
        allow. Without a new date it moves nothing, and can be written after the end and in a pause,
        too, for a dossier that is late or known to be."""
        return await change(code, body, key, at)

    @changes.post("/dossiers/{code}/foreseen-delay", response_model=ChangedDossier)
    async def foresee(
        code: Code,
        body: Typed[sla.DelayForeseenRequested],
        key: IdempotencyKey = None,
        at: At = None,
    ) -> Response:
        """Say, as the step's lead or the unit's head, that the dossier will be late: from then on
        its citizen is owed a letter."""
        return await change(code, body, key, at)

    @changes.post("/dossiers/{code}/exemption", response_model=ChangedDossier)
    async def exempt(
        code: Code, body: Typed[sla.ExemptionRequested], key: IdempotencyKey = None, at: At = None
    ) -> Response:
        """Exempt the dossier from a letter of apology, on a ground that the unit's head states."""
        return await change(code, body, key, at)

    app.include_router(changes)
