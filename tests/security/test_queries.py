"""No request has the database read a whole collection, or work for longer than it may."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from contracts.wire.topics import SERVICES
from deploy.local.stack.city import PROCESSES, City
from services.runtime.http.app import make_app
from services.runtime.mongo.client import Client, Database, client
from services.runtime.settings import Settings
from services.shared.lookup_key import lookup_key
from tests.support.documented import documented
from tests.support.http_app import ANYBODY, Instance, problem_of, reachable
from tests.support.office import MARITAL_STATUS, WARD_PLACE, WARD_UNIT, Office
from tests.support.signed_in import AUDITOR

pytestmark = pytest.mark.integration

QUERY: dict[str, dict[str, str]] = {
    "/balance": {"since": "2024-03-01T00:00:00Z", "until": "2099-04-01T00:00:00Z"},
    "/authority": {"unit": WARD_UNIT},
    "/competence": {"procedure": MARITAL_STATUS, "place": WARD_PLACE},
    "/figures": {"since": "2024-03-01T00:00:00Z", "until": "2099-04-01T00:00:00Z"},
    "/figures/dossiers": {"period": "2026", "measure": "received"},
    "/backlog/dossiers": {"measure": "open"},
    "/dossiers": {"agency": "H29.1"},
    "/snapshots/{period}/dossiers": {"measure": "received"},
    "/snapshots/{period}/changes/dossiers": {"measure": "received"},
}
WHOLE = {"motcua_notify.dossiers", "motcua_notify.deliveries"}
"""What notify's `/figures` reads: every message there is. It does so once at a time."""
SMALL = {f"motcua_{service}.partitions" for service in SERVICES}
"""As many documents as a topic has partitions."""


@pytest.fixture
async def profiled(settings: Settings, office: Office) -> AsyncIterator[Client]:
    """The services' databases, which write down every operation."""
    mongo = client(settings.mongo)
    names = [f"motcua_{service}" for service in SERVICES]
    for name in names:
        await mongo[name].command({"profile": 2})
    yield mongo
    for name in names:
        await mongo[name].command({"profile": 0})
        await mongo[name].drop_collection("system.profile")
    mongo.close()


async def test_no_route_reads_a_whole_collection(office: Office, profiled: Client) -> None:
    # A plan is chosen by what there is: with nothing in a collection, nothing shows.
    codes = [office.hand_in() for _ in range(20)]
    office.agrees(codes[-1], "in_process")
    place = {
        "code": codes[-1],
        "request": "none",
        "procedure": MARITAL_STATUS,
        "period": "2024-03",
        "name": "page.css",
    }
    asked = 0
    for service in PROCESSES:
        for path, operations in documented(service).paths.items():
            if "get" not in operations or path.endswith("/events"):
                continue
            params = dict(QUERY.get(path, {})) if (service, path) != ("notify", "/figures") else {}
            if path.startswith(("/status/", "/receipt/", "/letter/")):
                params["key"] = lookup_key("tests", place["code"])
            answer = await asyncio.to_thread(office.get, service, path.format(**place), **params)
            assert answer.status_code in (200, 404), (path, answer.text)
            asked += 1
    assert asked > 40

    whole: list[Any] = []
    seen = 0
    for service in SERVICES:
        database = profiled[f"motcua_{service}"]
        async for done in database["system.profile"].find({"planSummary": {"$exists": True}}):
            seen += 1
            if "COLLSCAN" in done["planSummary"] and "system." not in done["ns"]:
                whole.append((done["ns"], done["op"], done["command"]))
    assert seen > 100
    assert {ns for ns, *_ in whole} - SMALL == WHOLE, whole


async def test_a_balance_reads_nothing_that_ended_before_it(
    settings: Settings, office: Office, profiled: Client
) -> None:
    office.hand_in()
    await asyncio.to_thread(
        office.get, "sla", "/balance", since="2099-01-01T00:00:00Z", until="2099-02-01T00:00:00Z"
    )
    found = profiled["motcua_sla"]["system.profile"].find({"command.aggregate": "dossiers"})
    plans = {done["planSummary"].split(" ")[0] async for done in found}
    assert plans == {"IXSCAN"}


async def test_a_query_that_takes_too_long_is_given_up_by_the_database_itself(
    settings: Settings, database: Database
) -> None:
    await database["things"].insert_one({"_id": 1})
    hurried = Settings(answer_timeout=0.1, query_timeout=0.2)
    app = make_app("purse", "What is in it?", hurried, Instance(), reachable, ANYBODY)

    @app.get("/slow")
    async def slow() -> dict[str, int]:
        return {"n": len(await database["things"].find({"$where": "sleep(3000)"}).to_list(None))}

    begin = time.monotonic()
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://purse") as http:
        problem_of(await http.get("/slow"), 503, "state-unavailable")
    assert time.monotonic() - begin < 2.0


async def test_messages_are_counted_once_at_a_time(
    city: City, office: Office, profiled: Client
) -> None:
    url = f"{city.of('notify').url}/figures"
    signed = office.signed_in.header(AUDITOR)
    async with httpx.AsyncClient(timeout=60) as http:
        answers = await asyncio.gather(*(http.get(url, headers=signed) for _ in range(40)))
    assert {answer.status_code for answer in answers} <= {200, 503}
    counted = await profiled["motcua_notify"]["system.profile"].count_documents(
        {"command.aggregate": "deliveries", "command.cursor": {"$exists": True}}
    )
    assert counted <= 1
