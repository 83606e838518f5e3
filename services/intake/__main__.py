"""Starts the intake service: ``python -m services.intake``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI

from services.intake.api import add_routes
from services.intake.contacts import Contacts
from services.intake.contacts_api import add_contact_routes
from services.intake.decider import IntakeDecider
from services.intake.proof_decider import ProofDecider
from services.intake.settings import IntakeSettings
from services.runtime import Decider, Requests, Running, Service, run
from services.shared.authority.table import doors_of
from services.shared.balance import add_balance
from services.shared.citizen_keys import CitizenKeys
from services.shared.city import CityNow
from services.shared.lookup_secrets import lookup_keys
from services.shared.master_keys import master_keys
from services.shared.references import references


def _deciders(_: IntakeSettings) -> Sequence[Decider[Any]]:
    return [IntakeDecider(), ProofDecider()]


def _wire(app: FastAPI, running: Running[IntakeSettings], requests: Requests) -> None:
    settings = running.settings
    keys = CitizenKeys(running.database.client, master_keys(settings))
    lookups, citizens = lookup_keys(settings), references(settings)
    proofs = running.engine(ProofDecider)
    asking = Requests(proofs, timeout=settings.answer_timeout)
    contacts = Contacts(asking, proofs, running.clock, keys, citizens)
    city = CityNow(running.dossiers, running.clock)
    add_routes(app, running, requests, city, contacts, lookups, citizens)
    add_contact_routes(app, contacts, citizens)
    add_balance(app, running, "intake")


SERVICE = Service(
    name="intake",
    title="What came in? Reception, supplements, payments, withdrawals.",
    settings=IntakeSettings,
    deciders=_deciders,
    wire=_wire,
    doors=doors_of("intake"),
)

if __name__ == "__main__":
    sys.exit(run(SERVICE))
