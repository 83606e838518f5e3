"""Starts the sla service: ``python -m services.sla``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI

from contracts.catalogue import load_catalogue
from services.runtime.ask import Ask
from services.runtime.decider import Decider
from services.runtime.service import Running, Service, run
from services.runtime.settings import Settings
from services.sla.api import add_routes
from services.sla.decider import SlaDecider
from services.sla.figures_api import add_figure_routes
from services.sla.rules import Rules
from services.sla.working_time import load_calendars


def _deciders(_: Settings) -> Sequence[Decider[Any]]:
    return [SlaDecider(Rules(load_catalogue(), load_calendars()))]


def _routes(app: FastAPI, running: Running, ask: Ask) -> None:
    add_routes(app, running, ask)
    add_figure_routes(app, running)


SERVICE = Service(
    name="sla",
    title="By when? Deadlines, pauses, warnings, breaches, on-time figures.",
    deciders=_deciders,
    routes=_routes,
)

if __name__ == "__main__":
    sys.exit(run(SERVICE))
