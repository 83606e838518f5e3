"""Contact data on its way in: beside an erasure, after one, and without the master key."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from contracts.values import Locale
from contracts.wire.codec import decode
from contracts.wire.topics import CITIZEN_CONTACTS
from deploy.local.stack.city import City
from services.intake.contact import Contact
from services.intake.contacts import Contacts
from services.notify.contacts.contact import SealedContact, SealedContactDecider
from services.runtime.http.problem import Problem
from services.runtime.loop.clock import WallClock
from services.runtime.mongo.client import Client, client
from services.runtime.settings import Settings
from services.shared.citizen_keys import CitizenKeys, Kept, KeyWithdrawn
from services.shared.master_keys import KeySettings, MasterKeys, master_keys
from services.shared.person import citizen
from services.shared.references import References
from tests.support.office import OFFICER, PROBLEM, Office, filing
from tests.support.rule_sets import WORLD
from tests.support.signed_in import SignedIn
from tests.support.stage import read_topic

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
CONTACT = {"email": "an@example.test"}


@pytest.fixture
async def mongo(settings: Settings) -> AsyncIterator[Client]:
    """The city's database."""
    found = client(settings.mongo)
    yield found
    found.close()


async def asks(city: City, who: str) -> httpx.Response:
    """A desk asks for a change of somebody's contact data."""
    body = {"citizen": who, **CONTACT}
    async with httpx.AsyncClient(timeout=30) as http:
        signed = SignedIn(city.endpoints.oidc).header(OFFICER)
        where = f"{city.of('intake').url}/contacts/citizens/changes"
        return await http.post(where, json=body, headers=signed)


async def known(settings: Settings, subject: str) -> SealedContact:
    """A contact as notify folds it from the log."""
    decider = SealedContactDecider()
    state = decider.initial(subject)
    for record in await read_topic(settings.kafka, CITIZEN_CONTACTS):
        if record.key == subject.encode():
            state = decider.evolve(WORLD, state, decode(record.key, record.value, record.headers))
    return state


class Contested(CitizenKeys):
    """Keys that someone else erases, so many times, between their being made and being read."""

    deletions = 0

    async def _find(self, citizens: set[str]) -> Any:
        if self.deletions:
            self.deletions -= 1
            for citizen in citizens:
                await self.erase(citizen, "asked to", NOW)
        return await super()._find(citizens)


async def test_an_erasure_beside_new_contact_data_leaves_it_sealed_under_a_key_that_is_there(
    mongo: Client,
) -> None:
    keys = Contested(mongo, master_keys(KeySettings()))
    keys.deletions = 2
    one, other = await keys.seal_many([("cd-beside-1", b"one"), ("cd-beside-2", b"other")], NOW)
    assert await keys.open("cd-beside-1", *one) == b"one"
    assert await keys.open("cd-beside-2", *other) == b"other"


async def test_whoever_is_erased_again_and_again_is_told_to_come_later(mongo: Client) -> None:
    keys = Contested(mongo, master_keys(KeySettings()))
    keys.deletions = 1000
    with pytest.raises(KeyWithdrawn, match="cd-contested"):
        await keys.seal("cd-contested", b"x", NOW)
    nobody: Any = None  # nothing is published
    contacts = Contacts(nobody, nobody, WallClock(), keys, References({1: "tests"}))
    with pytest.raises(Problem) as refused:
        await contacts.leave(
            citizen("cd-contested"), Contact(email="an@example.test"), Locale.VI, dossier="d"
        )
    assert (refused.value.status_code, refused.value.kind) == (503, "contact-being-erased")


async def test_contact_data_of_a_dossier_that_is_entered_late_counts_from_when_it_is_entered(
    city: City, office: Office, settings: Settings
) -> None:
    """It is a new consent, though the dossier was handed in before the erasure."""
    who = "cd-entered-late"
    body = {"filing": filing(citizen=who), "by": OFFICER, "contact": CONTACT}
    before = office.post("intake", "/dossiers", body).json()["code"]
    told = {"MOTCUA_KAFKA": settings.kafka, "MOTCUA_MONGO": settings.mongo}
    erase = [sys.executable, "-m", "motcua", "citizen", "erase", who, "--reason", "r", "--yes"]
    await asyncio.to_thread(
        subprocess.run, erase, env={**os.environ, **told}, check=True, capture_output=True
    )
    assert (await known(settings, f"citizen:{who}")).erased_at is not None
    earlier = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    answer = office.post("intake", "/dossiers", body, params={"at": earlier})
    assert answer.status_code == 201, answer.text
    mongo = client(settings.mongo)
    keys = CitizenKeys(mongo, master_keys(KeySettings()))
    for code, erased in ((before, True), (answer.json()["code"], False)):
        left = (await known(settings, f"dossier:{code}")).left
        assert left is not None
        opens = await keys.open_all({Kept(f"citizen:{who}", left)})
        assert (opens == {}) is erased
    mongo.close()


async def test_contact_data_whose_master_key_is_not_here_is_refused_with_the_remedy(
    city: City, office: Office, mongo: Client
) -> None:
    who = "cd-unknown-master"
    await CitizenKeys(mongo, MasterKeys({"another": bytes(32)})).seal(f"citizen:{who}", b"x", NOW)
    try:
        body = {"filing": filing(citizen=who), "by": OFFICER, "contact": CONTACT}
        for answer in (
            await asks(city, who),
            office.post("intake", "/dossiers", body),
        ):
            assert answer.status_code == 503
            assert answer.headers["content-type"] == PROBLEM
            assert answer.json()["type"] == "urn:motcua:problem:master-key-unknown"
            assert "MOTCUA_MASTER_KEY_FILE" in answer.json()["detail"]
        logged = city.of("intake").log.read_text().splitlines()
        assert len([line for line in logged if "a person's key does not open" in line]) == 1
        del body["contact"]
        assert office.post("intake", "/dossiers", body).status_code == 201
    finally:
        await mongo["motcua_keys"]["citizen_keys"].delete_one({"_id": f"citizen:{who}"})
