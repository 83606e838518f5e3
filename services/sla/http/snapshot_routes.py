"""Frozen figures over HTTP: what was published, the dossiers behind it, what was entered since."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated

from fastapi import FastAPI, Path, Request, Response

from services.runtime import Answers, Problem, Running, Settings, failing
from services.sla.figures.counting import MEASURES
from services.sla.figures.periods import NAMES
from services.sla.figures.query import (
    COUNTED,
    FORMATS,
    After,
    AskedScope,
    Limit,
    Measured,
    WantsCsv,
    answer,
    known_fields,
    known_measure,
    named_period,
    page,
)
from services.sla.figures.snapshots import snapshots
from services.sla.figures.snapshots.changes import changed_dossiers, changes
from services.sla.figures.snapshots.snapshots import Snapshot
from services.sla.figures.view import (
    DOSSIER_COLUMNS,
    SNAPSHOT_COLUMNS,
    changes_view,
    columns,
    dossiers_view,
    lines,
    snapshot_view,
    snapshots_view,
)
from services.sla.http.figure_types import (
    ChangedPage,
    Differences,
    DossierPage,
    FrozenFigures,
    FrozenPeriods,
)
from services.sla.rules_now import rules_now

_OF_ONE: Answers = {**FORMATS, 404: failing("The figures of that period are not frozen.")}
Name = Annotated[str, Path(description=f"The period: {NAMES}.")]


def add_snapshot_routes(app: FastAPI, running: Running[Settings]) -> None:
    """Add the routes of the frozen figures."""
    database = running.database
    running.preparing.append(partial(snapshots.prepare, database))

    async def frozen(name: str) -> Snapshot:
        named_period(name)
        found = await snapshots.snapshot(database, name)
        if found is None:
            raise Problem(404, "not-frozen", f"the figures of {name} are not frozen")
        return found

    @app.get(
        "/snapshots",
        tags=["figures"],
        response_model=FrozenPeriods,
        openapi_extra=COUNTED,
        responses=FORMATS,
    )
    async def read_snapshots(csv: WantsCsv) -> Response:
        """Return the periods whose figures are frozen, with their totals, the oldest first."""
        shown = snapshots_view(await snapshots.snapshots(database))
        header = [*SNAPSHOT_COLUMNS, *columns((), MEASURES, rated=True)]
        return answer(shown, header, shown["items"], "snapshots", csv=csv)

    @app.get(
        "/snapshots/{period}",
        tags=["figures"],
        response_model=FrozenFigures,
        openapi_extra=COUNTED,
        responses=_OF_ONE,
    )
    async def read_snapshot(period: Name, scope: AskedScope, csv: WantsCsv) -> Response:
        """Return the figures of a period as they were frozen; by unit by default."""
        known_fields(scope, rules_now(running).catalogue)
        of = await frozen(period)
        table = await snapshots.count(database, of, scope)

        def made() -> Response:
            shown = snapshot_view(of, table, rules_now(running).catalogue)
            header = columns(scope.by, MEASURES, rated=True)
            return answer(shown, header, lines(shown), f"frozen-{period}", csv=csv)

        return await asyncio.to_thread(made)  # it may have tens of thousands of rows

    @app.get(
        "/snapshots/{period}/dossiers",
        tags=["figures"],
        response_model=DossierPage,
        openapi_extra=COUNTED,
        responses=_OF_ONE,
    )
    async def read_snapshot_dossiers(
        request: Request,
        period: Name,
        scope: AskedScope,
        csv: WantsCsv,
        measure: Measured,
        after: After = "",
        limit: Limit = 100,
    ) -> Response:
        """Return the dossiers behind one frozen number, as they were then, in code order."""
        known_measure(measure, MEASURES)
        known_fields(scope, rules_now(running).catalogue)
        found = await snapshots.dossiers(
            database, await frozen(period), scope, measure, after=after, limit=limit + 1
        )
        rows = dossiers_view(found, rules_now(running).catalogue)
        name = f"frozen-{measure}-{period}"
        return page(rows, limit, DOSSIER_COLUMNS, request, name, csv=csv)

    @app.get(
        "/snapshots/{period}/changes",
        tags=["figures"],
        response_model=Differences,
        openapi_extra=COUNTED,
        responses=_OF_ONE,
    )
    async def read_changes(period: Name, scope: AskedScope, csv: WantsCsv) -> Response:
        """Return what was entered since a period was frozen: its figures now minus the frozen ones.

        By unit by default; rows without a change are left out.
        """
        catalogue = rules_now(running).catalogue
        known_fields(scope, catalogue)
        of = await frozen(period)
        shown = changes_view(of, await changes(database, of, scope, catalogue), catalogue)
        header = columns(scope.by, MEASURES)
        return answer(shown, header, lines(shown), f"changes-{period}", csv=csv)

    @app.get(
        "/snapshots/{period}/changes/dossiers",
        tags=["figures"],
        response_model=ChangedPage,
        openapi_extra=COUNTED,
        responses=_OF_ONE,
    )
    async def read_changed_dossiers(
        request: Request,
        period: Name,
        scope: AskedScope,
        csv: WantsCsv,
        measure: Measured,
        after: After = "",
        limit: Limit = 100,
    ) -> Response:
        """Return the dossiers that a number has gained (1) or lost (-1) since it was frozen."""
        catalogue = rules_now(running).catalogue
        known_measure(measure, MEASURES)
        known_fields(scope, catalogue)
        of = await frozen(period)
        found = await changed_dossiers(database, of, scope, catalogue, measure)
        rows = [row for row in found if row["code"] > after]
        name = f"changes-{measure}-{period}"
        return page(rows, limit, ("code", "change"), request, name, csv=csv)
