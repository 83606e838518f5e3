"""Starts the sla service: ``python -m services.sla``."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from services.runtime import Beside, Decider, Requests, Running, Service, run
from services.shared.authority.table import doors_of
from services.shared.balance import add_balance
from services.sla.deciding.decider import SlaDecider
from services.sla.figures.gauges import keep_counting, tell_retractions
from services.sla.figures.snapshots.freezing import keep_freezing
from services.sla.http.clock_routes import add_clock_routes
from services.sla.http.figure_routes import add_figure_routes
from services.sla.http.routes import add_routes
from services.sla.http.snapshot_routes import add_snapshot_routes
from services.sla.settings import SlaSettings


def _deciders(_: SlaSettings) -> Sequence[Decider[Any]]:
    return [SlaDecider()]


def _wire(app: FastAPI, running: Running[SlaSettings], requests: Requests) -> Beside:
    add_routes(app, running, requests)
    add_clock_routes(app, running)
    add_figure_routes(app, running)
    add_snapshot_routes(app, running)
    add_balance(app, running, "sla")
    return _beside(running)


@asynccontextmanager
async def _beside(running: Running[SlaSettings]) -> AsyncIterator[None]:
    running.dossiers.reporting.on_written.append(tell_retractions)
    async with running.tasks.during(
        gauges=keep_counting(running),
        snapshots=keep_freezing(running),
    ):
        yield


SERVICE = Service(
    name="sla",
    title="By when? Deadlines, pauses, warnings, breaches, on-time figures.",
    settings=SlaSettings,
    deciders=_deciders,
    wire=_wire,
    doors=doors_of("sla"),
)

if __name__ == "__main__":
    sys.exit(run(SERVICE))
