"""Start the status page in a process of its own: ``python -m services.notify.public``.

It shows the states that notify's engines write, and asks for changes over the log. Whatever
citizens, and others, do to it, neither an engine nor the sender shares its event loop, its memory
or its connections. Any number of them may run; none is needed for a message to be sent.
"""

from __future__ import annotations

import sys

from fastapi import FastAPI

from contracts.catalogue import load_catalogue
from services.notify.__main__ import deciders
from services.notify.contacts.addresses import FRESH_SECONDS, Addresses
from services.notify.contacts.contact import SealedContactDecider
from services.notify.dossier.policy import Policy
from services.notify.page.http.links import Links
from services.notify.page.http.routes import add_page
from services.notify.page.view.channel_choice import ReachCheck
from services.notify.settings import NotifySettings
from services.runtime import Offsets, Requests, Running, Service, run
from services.shared.authority.table import doors_of
from services.shared.citizen_keys import KEPT_SECONDS, CitizenKeys
from services.shared.city import CityNow
from services.shared.lookup_secrets import lookup_keys
from services.shared.master_keys import master_keys
from services.shared.one_time_codes import OneTimeCodes
from services.shared.references import references


def _wire(app: FastAPI, running: Running[NotifySettings], requests: Requests) -> None:
    settings = running.settings
    policy = settings.policy(load_catalogue())
    keys = lookup_keys(settings)
    add_page(
        app,
        running,
        requests,
        policy=policy,
        city=CityNow(running.dossiers, running.clock),
        links=Links(settings.public_url, keys),
        keys=keys,
        reach=_reach(running, policy) if settings.carries else None,
    )


def _reach(running: Running[NotifySettings], policy: Policy) -> ReachCheck:
    keys = CitizenKeys(
        running.database.client, master_keys(running.settings), KEPT_SECONDS - FRESH_SECONDS
    )
    offsets = Offsets(running.settings.kafka, running.kafka)
    codes = OneTimeCodes(references(running.settings))
    return ReachCheck(policy, Addresses(running.engine(SealedContactDecider), keys, offsets, codes))


SERVICE = Service(
    name="notify",
    title="The citizens' status page.",
    settings=NotifySettings,
    deciders=deciders,
    wire=_wire,
    doors=doors_of("notify"),
    onlooker=True,
)

if __name__ == "__main__":
    sys.exit(run(SERVICE))
