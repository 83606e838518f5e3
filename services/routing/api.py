"""Routing over HTTP: steps, hand-overs, consultations, stops, results, and competence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, FastAPI, Path, Query, Response

from contracts.events import routing
from contracts.values import DOSSIER_CODE
from services.routing.competence import competent_unit
from services.routing.state import Routing
from services.routing.view import ChangedDossier, CompetenceView, DossierView, view
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
    failing,
    state_of,
    unaudited,
)
from services.shared.city import City

Code = Annotated[str, Path(pattern=DOSSIER_CODE, description="The dossier code.")]


def add_routes(
    app: FastAPI, running: Running[Settings], requests: Requests, city: Callable[[], City]
) -> None:
    """Add routing's routes."""
    store = running.dossiers.store

    async def show(code: str) -> DossierView | None:
        document = await store.get(code)
        state: Routing | None = state_of(document, Routing) if document else None
        return view(code, state) if state and state.procedure else None

    change = RequestRoutes(requests, running.clock, show)
    changes = APIRouter(tags=["routing"], responses=CHANGES)

    @app.get("/dossiers/{code}", tags=["routing"], response_model=DossierView, responses=UNKNOWN)
    async def read(code: Code) -> Response:
        """Return routing's view of the dossier."""
        shown = await show(code)
        if shown is None:
            raise Problem(404, "unknown-dossier", f"there is no dossier {code}")
        return Json(shown)

    @changes.post("/dossiers/{code}/step-completion", response_model=ChangedDossier)
    async def complete_step(
        code: Code,
        body: Typed[routing.StepCompletionRequested],
        key: IdempotencyKey = None,
        at: At = None,
    ) -> Response:
        """Complete the open step, as its lead or the unit's head."""
        return await change(code, body, key, at)

    @changes.post("/dossiers/{code}/step-reassignment", response_model=ChangedDossier)
    async def reassign_step(
        code: Code,
        body: Typed[routing.StepReassignmentRequested],
        key: IdempotencyKey = None,
        at: At = None,
    ) -> Response:
        """Name another lead for the open step, one of the unit's officers."""
        return await change(code, body, key, at)

    @changes.post("/dossiers/{code}/hand-over", response_model=ChangedDossier)
    async def hand_over(
        code: Code,
        body: Typed[routing.HandOverRequested],
        key: IdempotencyKey = None,
        at: At = None,
    ) -> Response:
        """Hand the dossier over to another unit."""
        return await change(code, body, key, at)

    @changes.post("/dossiers/{code}/consultation", response_model=ChangedDossier)
    async def consult(
        code: Code,
        body: Typed[routing.ConsultationOpeningRequested],
        key: IdempotencyKey = None,
        at: At = None,
    ) -> Response:
        """Ask another authority for its opinion; the dossier stays, and its clock runs on."""
        return await change(code, body, key, at)

    @changes.post("/dossiers/{code}/consultation-answer", response_model=ChangedDossier)
    async def answer_consultation(
        code: Code,
        body: Typed[routing.ConsultationAnswerRequested],
        key: IdempotencyKey = None,
        at: At = None,
    ) -> Response:
        """Answer as an authority that was consulted."""
        return await change(code, body, key, at)

    @changes.post("/dossiers/{code}/stop", response_model=ChangedDossier)
    async def stop(
        code: Code, body: Typed[routing.StopRequested], key: IdempotencyKey = None, at: At = None
    ) -> Response:
        """Stop the handling: the clock stops."""
        return await change(code, body, key, at)

    @changes.post("/dossiers/{code}/resumption", response_model=ChangedDossier)
    async def resume(
        code: Code,
        body: Typed[routing.ResumptionRequested],
        key: IdempotencyKey = None,
        at: At = None,
    ) -> Response:
        """Let a stopped dossier go on: the clock runs again."""
        return await change(code, body, key, at)

    @changes.post("/dossiers/{code}/result-return", response_model=ChangedDossier)
    async def return_result(
        code: Code,
        body: Typed[routing.ResultReturnRequested],
        key: IdempotencyKey = None,
        at: At = None,
    ) -> Response:
        """Hand the result to the citizen, at any unit."""
        return await change(code, body, key, at)

    @changes.post("/dossiers/{code}/late-entries", response_model=ChangedDossier)
    async def approve_late_entry(
        code: Code, body: Typed[routing.LateEntryRequested], key: IdempotencyKey = None
    ) -> Response:
        """Approve, as the unit's head, that a request is dated back beyond the limit."""
        change.time(body.at)
        return await change(code, body, key)

    app.include_router(changes)

    @app.get(
        "/competence",
        tags=["routing"],
        response_model=CompetenceView,
        responses={404: failing("No unit is competent, or procedure or place are unknown.")},
        openapi_extra=unaudited("competence is published"),
    )
    async def read_competence(
        procedure: Annotated[str, Query()], place: Annotated[str, Query()]
    ) -> Response:
        """Return who is competent for a procedure in a place, and by which rule."""
        found = competent_unit(city().catalogue, procedure, place, running.clock.now())
        if isinstance(found, str):
            raise Problem(404, "nobody-competent", found)
        shown: CompetenceView = {
            "unit": found.unit.code,
            "name": found.unit.name_vi,
            "rule": found.rule,
        }
        return Json(shown)
