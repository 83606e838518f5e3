"""Starts the routing service: ``python -m services.routing``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI

from contracts.catalogue import load_catalogue
from services.routing.api import add_routes
from services.routing.decider import RoutingDecider
from services.runtime import Decider, Requests, Running, Service, run
from services.shared.balance import add_balance
from services.shared.entry_limit import entry_limit
from services.shared.rulebook.settings import RuleSettings


def _deciders(settings: RuleSettings) -> Sequence[Decider[Any]]:
    return [RoutingDecider(load_catalogue(), entry_limit(settings))]


def _wire(app: FastAPI, running: Running[RuleSettings], requests: Requests) -> None:
    add_routes(app, running, requests, load_catalogue())
    add_balance(app, running.dossiers.store.collection, "routing")


SERVICE = Service(
    name="routing",
    title="Who handles it? Competence, workflows, steps, hand-overs, consultations, results.",
    settings=RuleSettings,
    deciders=_deciders,
    wire=_wire,
)

if __name__ == "__main__":
    sys.exit(run(SERVICE))
