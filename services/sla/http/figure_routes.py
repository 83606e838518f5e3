"""Current on-time figures and backlog over HTTP, down to the dossiers."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from contracts.values import Instant, rfc3339
from services.runtime import Running, Settings, invalid_field
from services.shared.working_time import OutsideCalendar
from services.sla.figures.backlog import BACKLOG, backlog
from services.sla.figures.counting import MEASURES, period_count
from services.sla.figures.figures import Sheet, figures
from services.sla.figures.periods import Period
from services.sla.figures.query import (
    COUNTED,
    FORMATS,
    After,
    AskedPeriod,
    AskedScope,
    Limit,
    Measured,
    WantsCsv,
    answer,
    file_name,
    known_fields,
    known_measure,
    page,
)
from services.sla.figures.tables import Scope
from services.sla.figures.view import (
    DOSSIER_COLUMNS,
    backlog_view,
    columns,
    dossiers_view,
    figures_view,
    lines,
)
from services.sla.http.figure_types import Backlog, DossierPage, Figures
from services.sla.rules_now import rules_now

At = Annotated[Instant | None, Query(description="At which moment; now, if not told.")]


def add_figure_routes(app: FastAPI, running: Running[Settings]) -> None:
    """Add the routes of the current figures."""
    collection = running.dossiers.store.collection

    def of_period(period: Period, scope: Scope) -> Sheet:
        rules, now = rules_now(running), running.clock.now()
        known_fields(scope, rules.catalogue)
        if period.since > now:
            raise invalid_field("period" if period.name else "since", "it has not begun yet")
        return figures(collection, period_count(period, now, rules))

    def of_moment(at: datetime | None, scope: Scope) -> Sheet:
        rules, now = rules_now(running), running.clock.now()
        known_fields(scope, rules.catalogue)
        moment = now if at is None else at
        if moment > now:
            raise invalid_field("at", "what will be open then is not known yet")
        of_then = period_count(Period(moment, moment), now, rules)
        try:
            return backlog(collection, of_then, rules.calendars.for_unit(""))
        except OutsideCalendar as error:
            raise invalid_field("at", str(error)) from error

    @app.get(
        "/figures",
        tags=["figures"],
        response_model=Figures,
        openapi_extra=COUNTED,
        responses=FORMATS,
    )
    async def read_figures(period: AskedPeriod, scope: AskedScope, csv: WantsCsv) -> Response:
        """Return the three on-time rates and the numbers behind them; by unit by default.

        Carried over + received = resolved + open, in every row. Dossiers that could not be judged
        are counted as unjudged, and are in no rate. A rate is null where there is nothing to count.
        In a period that is not over, lateness is judged as of now.
        """
        sheet = of_period(period, scope)
        table = await sheet.count(scope)

        def made() -> Response:
            shown = figures_view(table, sheet.reading, rules_now(running).catalogue)
            header = columns(scope.by, MEASURES, rated=True)
            return answer(shown, header, lines(shown), f"figures-{file_name(period)}", csv=csv)

        return await asyncio.to_thread(made)  # it may have tens of thousands of rows

    @app.get(
        "/figures/dossiers",
        tags=["figures"],
        response_model=DossierPage,
        openapi_extra=COUNTED,
        responses=FORMATS,
    )
    async def read_dossiers(
        request: Request,
        period: AskedPeriod,
        scope: AskedScope,
        csv: WantsCsv,
        measure: Measured,
        after: After = "",
        limit: Limit = 100,
    ) -> Response:
        """Return the dossiers behind one number of the figures, in the order of their codes."""
        known_measure(measure, MEASURES)
        found = await of_period(period, scope).dossiers(
            scope, measure, after=after, limit=limit + 1
        )
        rows = dossiers_view(found, rules_now(running).catalogue)
        name = f"{measure}-{file_name(period)}"
        return page(rows, limit, DOSSIER_COLUMNS, request, name, csv=csv)

    @app.get(
        "/backlog",
        tags=["figures"],
        response_model=Backlog,
        openapi_extra=COUNTED,
        responses=FORMATS,
    )
    async def read_backlog(scope: AskedScope, csv: WantsCsv, at: At = None) -> Response:
        """Return what is open, by age and by how long it has been overdue; by unit by default.

        An age is whole working days since reception, by the default office hours. What could not be
        judged has an age too, and is counted as unjudged, neither in time nor overdue.
        """
        sheet = of_moment(at, scope)
        moment = sheet.reading.as_of
        shown = backlog_view(moment, await sheet.count(scope), rules_now(running).catalogue)
        name = f"backlog-{moment:%Y%m%dT%H%MZ}"
        return answer(shown, columns(scope.by, BACKLOG), lines(shown), name, csv=csv)

    @app.get(
        "/backlog/dossiers",
        tags=["figures"],
        response_model=DossierPage,
        openapi_extra=COUNTED,
        responses=FORMATS,
    )
    async def read_backlog_dossiers(
        request: Request,
        scope: AskedScope,
        csv: WantsCsv,
        measure: Measured,
        at: At = None,
        after: After = "",
        limit: Limit = 100,
    ) -> Response:
        """Return the dossiers behind one number of the backlog, in the order of their codes."""
        known_measure(measure, BACKLOG)
        sheet = of_moment(at, scope)
        found = await sheet.dossiers(scope, measure, after=after, limit=limit + 1)
        rows = dossiers_view(found, rules_now(running).catalogue)
        moment = rfc3339(sheet.reading.as_of)
        return page(rows, limit, DOSSIER_COLUMNS, request, measure, csv=csv, at=moment)
