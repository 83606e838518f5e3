"""Start the status page: ``python -m services.notify.page``.

It shows the states that notify's engines write, and asks for changes over the log. Whatever
citizens, and others, do to it, neither an engine nor the sender shares its event loop, its memory
or its connections. Any number of them may run; none is needed for a message to be sent.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from contracts.catalogue import load_catalogue
from contracts.wire.topics import PAGE
from services.notify.contacts.addresses import FRESH_SECONDS, Addresses
from services.notify.contacts.contact import SealedContactDecider
from services.notify.deciders import NotifyDecider
from services.notify.dossier.policy import Policy
from services.notify.page.http.links import Links
from services.notify.page.http.routes import add_page
from services.notify.page.settings import PageSettings
from services.notify.page.view.channel_choice import ReachCheck
from services.notify.stream_time import StreamTime
from services.runtime import (
    Beside,
    Decider,
    Offsets,
    Requests,
    Running,
    Service,
    StreamClock,
    run,
)
from services.shared.authority.table import doors_of
from services.shared.citizen_keys import KEPT_SECONDS, CitizenKeys
from services.shared.city import CityNow
from services.shared.lookup_secrets import lookup_keys
from services.shared.master_keys import master_keys


def _deciders(settings: PageSettings) -> Sequence[Decider[Any]]:
    """Return those whose states it shows, or looks into."""
    planner = NotifyDecider(settings.policy(load_catalogue()))
    return [planner, SealedContactDecider()] if settings.carries else [planner]


def _wire(app: FastAPI, running: Running[PageSettings], requests: Requests) -> Beside | None:
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
    return _in_time(running, running.clock) if isinstance(running.clock, StreamClock) else None


def _reach(running: Running[PageSettings], policy: Policy) -> ReachCheck:
    keys = CitizenKeys(
        running.database.client, master_keys(running.settings), KEPT_SECONDS - FRESH_SECONDS
    )
    offsets = Offsets(running.settings.kafka, running.kafka)
    return ReachCheck(policy, Addresses(running.engine(SealedContactDecider), keys, offsets))


@asynccontextmanager
async def _in_time(running: Running[PageSettings], clock: StreamClock) -> AsyncIterator[None]:
    """Follow a replay's time, which is on the log alone."""
    settings = running.settings
    ticks = StreamTime(settings.kafka, settings.partitions, running.kafka, clock)
    async with running.tasks.during(ticks=ticks.follow()):
        yield


SERVICE = Service(
    name=PAGE,
    title="The citizens' status page.",
    settings=PageSettings,
    deciders=_deciders,
    wire=_wire,
    doors=doors_of(PAGE),
    shows="notify",
)

if __name__ == "__main__":
    sys.exit(run(SERVICE))
