"""Starts the intake service: ``python -m services.intake``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI

from contracts.catalogue import load_catalogue
from services.intake.api import add_routes
from services.intake.contacts import Contacts
from services.intake.contacts_api import add_contact_routes
from services.intake.decider import IntakeDecider
from services.intake.settings import IntakeSettings
from services.runtime.core.decider import Decider
from services.runtime.http.ask import Ask
from services.runtime.run import run
from services.runtime.service import Running, Service
from services.runtime.settings import Settings
from services.shared.citizen_keys import CitizenKeys
from services.shared.master_keys import master_keys


def _deciders(_: Settings) -> Sequence[Decider[Any]]:
    return [IntakeDecider(load_catalogue())]


def _routes(app: FastAPI, running: Running, ask: Ask) -> None:
    assert isinstance(running.settings, IntakeSettings)
    keys = CitizenKeys(running.database.client, master_keys(running.settings))
    contacts = Contacts(ask, running.clock, keys)
    add_routes(app, running, ask, load_catalogue(), contacts)
    add_contact_routes(app, contacts)


SERVICE = Service(
    name="intake",
    title="What came in? Reception, supplements, payments, withdrawals.",
    deciders=_deciders,
    routes=_routes,
    settings=IntakeSettings,
)

if __name__ == "__main__":
    sys.exit(run(SERVICE))
