"""Routing over HTTP: steps, hand-overs, consultations, stops, results, and competence."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Response
from fastapi.encoders import jsonable_encoder

from contracts.catalogue import Catalogue
from contracts.events import routing
from contracts.values import DOSSIER_CODE
from services.routing.competence import competent_unit
from services.routing.state import Routing
from services.routing.view import view
from services.runtime.core.stored import state_of
from services.runtime.http.ask import Ask
from services.runtime.http.changes import At, Changes, IdempotencyKey
from services.runtime.http.problem import Problem
from services.runtime.http.typed import Typed
from services.runtime.service import Running

Code = Annotated[str, Path(pattern=DOSSIER_CODE, description="The dossier code.")]


def add_routes(app: FastAPI, running: Running, ask: Ask, catalogue: Catalogue) -> None:
    """Adds routing's routes."""
    store = running.engine.store

    async def show(code: str) -> dict[str, Any] | None:
        document = await store.get(code)
        state: Routing | None = state_of(document, Routing) if document else None
        return view(code, state) if state and state.procedure else None

    change = Changes(ask, running.clock, show)

    @app.get("/dossiers/{code}", tags=["routing"])
    async def read(code: Code) -> dict[str, Any]:
        """Routing's view of the dossier."""
        shown = await show(code)
        if shown is None:
            raise Problem(404, "unknown-dossier", f"there is no dossier {code}")
        encoded: dict[str, Any] = jsonable_encoder(shown)
        return encoded

    @app.post("/dossiers/{code}/step-completion", tags=["routing"])
    async def complete_step(
        code: Code,
        body: Typed[routing.StepCompletionRequested],
        key: IdempotencyKey = None,
        at: At = None,
    ) -> Response:
        """The lead (or the unit's head) says that the open step is done."""
        return await change(code, body, key, at)

    @app.post("/dossiers/{code}/step-reassignment", tags=["routing"])
    async def reassign_step(
        code: Code,
        body: Typed[routing.StepReassignmentRequested],
        key: IdempotencyKey = None,
        at: At = None,
    ) -> Response:
        """A head names another lead for the open step."""
        return await change(code, body, key, at)

    @app.post("/dossiers/{code}/hand-over", tags=["routing"])
    async def hand_over(
        code: Code,
        body: Typed[routing.HandOverRequested],
        key: IdempotencyKey = None,
        at: At = None,
    ) -> Response:
        """A unit passes the dossier on to another."""
        return await change(code, body, key, at)

    @app.post("/dossiers/{code}/consultation", tags=["routing"])
    async def consult(
        code: Code,
        body: Typed[routing.ConsultationOpeningRequested],
        key: IdempotencyKey = None,
        at: At = None,
    ) -> Response:
        """Asks another authority for its opinion; the dossier stays, and its clock runs on."""
        return await change(code, body, key, at)

    @app.post("/dossiers/{code}/consultation-answer", tags=["routing"])
    async def answer_consultation(
        code: Code,
        body: Typed[routing.ConsultationAnswerRequested],
        key: IdempotencyKey = None,
        at: At = None,
    ) -> Response:
        """An authority that was consulted answers."""
        return await change(code, body, key, at)

    @app.post("/dossiers/{code}/stop", tags=["routing"])
    async def stop(
        code: Code, body: Typed[routing.StopRequested], key: IdempotencyKey = None, at: At = None
    ) -> Response:
        """Stops the handling: the clock stops."""
        return await change(code, body, key, at)

    @app.post("/dossiers/{code}/resumption", tags=["routing"])
    async def resume(
        code: Code,
        body: Typed[routing.ResumptionRequested],
        key: IdempotencyKey = None,
        at: At = None,
    ) -> Response:
        """Lets a stopped dossier go on: the clock runs again."""
        return await change(code, body, key, at)

    @app.post("/dossiers/{code}/result-return", tags=["routing"])
    async def return_result(
        code: Code,
        body: Typed[routing.ResultReturnRequested],
        key: IdempotencyKey = None,
        at: At = None,
    ) -> Response:
        """A unit, whichever, hands the result to the citizen."""
        return await change(code, body, key, at)

    @app.get("/competence", tags=["routing"])
    async def read_competence(
        procedure: Annotated[str, Query()], place: Annotated[str, Query()]
    ) -> dict[str, Any]:
        """Who is competent for a procedure in a place, and by which rule."""
        found = competent_unit(catalogue, procedure, place)
        if isinstance(found, str):
            raise Problem(404, "nobody-competent", found)
        return {"unit": found.unit.code, "name": found.unit.name_vi, "rule": found.rule}
