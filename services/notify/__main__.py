"""Starts the notify service: ``python -m services.notify``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from fastapi import FastAPI

from contracts.catalogue import load_catalogue
from contracts.events.notify import MessageChannel
from services.notify.contacts.contact import ContactDecider
from services.notify.deciders import DeliveryDecider, DeskDecider, NotifyDecider
from services.notify.http.receipts import add_receipts
from services.notify.http.routes import add_routes
from services.notify.page.http.links import Links
from services.notify.page.http.routes import add_page
from services.notify.sending.sender import sending
from services.notify.settings import NotifySettings
from services.notify.wording.renderer import Renderer
from services.runtime.core.decider import Decider
from services.runtime.http.ask import Ask
from services.runtime.run import run
from services.runtime.service import Running, Service
from services.runtime.settings import Settings


def _deciders(settings: Settings) -> Sequence[Decider[Any]]:
    assert isinstance(settings, NotifySettings)
    policy = settings.policy(load_catalogue())
    planner, desks = NotifyDecider(policy), DeskDecider(policy)
    if settings.channels == (MessageChannel.LEDGER,):
        return [planner, desks]  # what is only written down needs nobody to deliver it
    return [planner, DeliveryDecider(), ContactDecider(), desks]


def _routes(app: FastAPI, running: Running, ask: Ask) -> None:
    assert isinstance(running.settings, NotifySettings)
    add_routes(app, running)
    add_receipts(app, running, running.settings)
    add_page(app, running, running.settings, ask)


def _beside(running: Running) -> AbstractAsyncContextManager[None]:
    settings = running.settings
    assert isinstance(settings, NotifySettings)
    links = Links(settings.public_url, settings.lookup_secret)
    # Checks every template, whether one is sent or not.
    renderer = Renderer(load_catalogue(), link=links.link)
    if settings.channels == (MessageChannel.LEDGER,):
        return nullcontext()
    return sending(running, renderer)


SERVICE = Service(
    name="notify",
    title="Who is told? Messages to citizens, and what became of them.",
    deciders=_deciders,
    routes=_routes,
    settings=NotifySettings,
    beside=_beside,
)

if __name__ == "__main__":
    sys.exit(run(SERVICE))
