"""Start the notify service: ``python -m services.notify``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI

from contracts.catalogue import load_catalogue
from services.notify.contacts.addresses import FRESH_SECONDS, Addresses
from services.notify.contacts.contact import SealedContactDecider
from services.notify.deciders import DeliveryDecider, DeskDecider, NotifyDecider
from services.notify.http.delivery_receipts import add_delivery_receipts
from services.notify.http.routes import add_routes
from services.notify.page.http.links import Links
from services.notify.sending.sender import Supplies, sending
from services.notify.settings import NotifySettings
from services.notify.wording.renderer_now import RendererNow
from services.runtime import Beside, Decider, Offsets, Requests, Running, Service, run
from services.shared.authority.table import doors_of
from services.shared.balance import add_balance
from services.shared.citizen_keys import KEPT_SECONDS, CitizenKeys
from services.shared.city import CityNow
from services.shared.lookup_secrets import lookup_keys
from services.shared.master_keys import master_keys
from services.shared.one_time_codes import OneTimeCodes
from services.shared.references import references


def deciders(settings: NotifySettings) -> Sequence[Decider[Any]]:
    policy = settings.policy(load_catalogue())
    planner, desks = NotifyDecider(policy), DeskDecider(policy)
    if not settings.carries:
        return [planner, desks]  # what is only written down needs nobody to deliver it
    return [planner, DeliveryDecider(), SealedContactDecider(), desks]


def _wire(app: FastAPI, running: Running[NotifySettings], requests: Requests) -> Beside | None:
    settings = running.settings
    links = Links(settings.public_url, lookup_keys(settings))
    city = CityNow(running.dossiers, running.clock)
    # Checks every template, whether one is sent or not.
    renderer = RendererNow(city, links.link)
    supplies = _supplies(running, renderer) if settings.carries else None
    add_routes(app, running)
    add_delivery_receipts(app, running)
    add_balance(app, running, "notify")
    return sending(running, supplies) if supplies else None


def _supplies(running: Running[NotifySettings], renderer: RendererNow) -> Supplies:
    # After an erasure the key may be used this long, then the address: five seconds in all.
    kept = KEPT_SECONDS - FRESH_SECONDS
    keys = CitizenKeys(running.database.client, master_keys(running.settings), kept)
    offsets = Offsets(running.settings.kafka, running.kafka)
    codes = OneTimeCodes(references(running.settings))
    addresses = Addresses(running.engine(SealedContactDecider), keys, offsets, codes)
    return Supplies(running.engine(DeliveryDecider), addresses, offsets, renderer)


SERVICE = Service(
    name="notify",
    title="Who is told? Messages to citizens, and what became of them.",
    settings=NotifySettings,
    deciders=deciders,
    wire=_wire,
    doors=doors_of("notify"),
)

if __name__ == "__main__":
    sys.exit(run(SERVICE))
