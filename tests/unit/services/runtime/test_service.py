"""A service's parts find what they need by its class, and building them connects to nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from services.notify.__main__ import SERVICE
from services.notify.contacts.contact import SealedContact, SealedContactDecider
from services.notify.deciders import DeliveryDecider, DeskDecider, NotifyDecider
from services.notify.settings import NotifySettings
from services.runtime.mongo.client import client
from services.runtime.service import Running
from services.runtime.wiring import app_of, make_running


@asynccontextmanager
async def notify(**told: str) -> AsyncIterator[Running[NotifySettings]]:
    """Notify, put together and not started."""
    mongo = client("mongodb://127.0.0.1:1")
    yield make_running(SERVICE, NotifySettings.model_validate(told), mongo)
    mongo.close()


async def test_an_engine_is_found_by_the_class_of_its_decider() -> None:
    async with notify(channels="email") as running:
        engine = running.engine(SealedContactDecider)
        assert engine.decider.initial("c") == SealedContact()
        assert engine.store.collection.name == "contacts"
        assert running.dossiers is running.engine(NotifyDecider)
        assert running.decider(DeskDecider).collection == "desks"


@pytest.mark.parametrize("find", [Running.engine, Running.decider])
async def test_what_does_not_run_is_named_with_what_does(
    find: Callable[[Running[NotifySettings], type[DeliveryDecider]], object],
) -> None:
    async with notify(channels="ledger") as running:
        with pytest.raises(LookupError, match=r"DeliveryDecider; .* NotifyDecider, DeskDecider$"):
            find(running, DeliveryDecider)


@pytest.mark.parametrize(("channels", "sends"), [("ledger", False), ("email", True)])
async def test_notify_sends_unless_it_only_writes_down(channels: str, sends: bool) -> None:
    async def nobody() -> bool:
        raise AssertionError("nobody asks")

    async with notify(channels=channels) as running:
        _, beside = app_of(SERVICE, running, nobody, nobody)  # type: ignore[arg-type]
        assert (beside is not None) is sends
