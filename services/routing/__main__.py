"""Starts the routing service: ``python -m services.routing``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI

from services.routing.api import add_routes
from services.routing.authority_api import add_authority_routes
from services.routing.decider import RoutingDecider
from services.runtime import Decider, Requests, Running, Service, Settings, run
from services.shared.authority.table import doors_of
from services.shared.balance import add_balance
from services.shared.city import CityNow


def _deciders(_: Settings) -> Sequence[Decider[Any]]:
    return [RoutingDecider()]


def _wire(app: FastAPI, running: Running[Settings], requests: Requests) -> None:
    city = CityNow(running.dossiers, running.clock)
    add_routes(app, running, requests, city)
    add_authority_routes(app, running, city)
    add_balance(app, running, "routing")


SERVICE = Service(
    name="routing",
    title="Who handles it? Competence, workflows, steps, hand-overs, consultations, results.",
    settings=Settings,
    deciders=_deciders,
    wire=_wire,
    doors=doors_of("routing"),
)

if __name__ == "__main__":
    sys.exit(run(SERVICE))
