"""Whoever guesses look-up keys touches nothing that the dossiers need."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from contracts.wire.topics import PAGE
from deploy.local.stack.city import City
from services.notify.page.http.routes import GUESSES
from services.runtime.mongo.client import client
from services.runtime.settings import Settings
from services.shared.lookup_key import lookup_key
from tests.support.office import Office

pytestmark = pytest.mark.integration


async def test_guesses_are_counted_in_a_database_of_their_own(
    city: City, settings: Settings, office: Office
) -> None:
    code = await asyncio.to_thread(office.hand_in)
    await asyncio.to_thread(office.agrees, code, "in_process", "notify")
    mongo = client(settings.mongo)
    dossiers = mongo["motcua_notify"]
    await dossiers.command({"profile": 2})
    url = city.of(PAGE).url
    async with httpx.AsyncClient(timeout=60) as http:

        async def guess(number: int) -> int:
            key = f"AAAAAAAA{number:02}"
            return (await http.post(url, data={"code": code, "key": key})).status_code

        for first in range(0, 100, 20):
            answers = await asyncio.gather(*(guess(n) for n in range(first, first + 20)))
            assert set(answers) <= {404, 429, 503}
        guessed = await dossiers["system.profile"].count_documents(
            {"ns": "motcua_notify.dossiers", "command.filter._id": code}
        )
        await dossiers.command({"profile": 0})
        assert guessed == 0
        assert "guesses" not in await dossiers.list_collection_names()
        assert await mongo[GUESSES]["guesses"].count_documents({}) > 0
        expires = (await mongo[GUESSES]["guesses"].index_information())["forget"]
        assert expires["expireAfterSeconds"] == 0

        # The code is closed to that address for a while; to others it is not.
        right = {"key": lookup_key("tests", code)}
        assert (await http.get(f"{url}/status/{code}", params=right)).status_code == 429
    mongo.close()
