"""Pages that are told of changes: over HTTP, and the change stream itself.

The stream is read with the client that is used and with its successor.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator
from typing import cast

import httpx
import pytest
from pymongo.errors import OperationFailure

from contracts.wire.topics import PAGE
from deploy.local.stack.city import City
from services.notify.page.http import live
from services.notify.page.http.live import Full, Live, OpenPage
from services.runtime.mongo.client import Database, client, pymongo_client
from services.runtime.settings import Settings
from services.runtime.supervised import Supervised
from tests.support.citizen import Citizen, key_of
from tests.support.eventually import eventually, soon
from tests.support.office import OFFICER, Office

pytestmark = pytest.mark.integration


def version_in(page: httpx.Response) -> int:
    found = re.search(r"[?&;]v=(\d+)", page.text[page.text.index("data-events") :])
    assert found is not None
    return int(found.group(1))


def test_an_open_page_is_told_of_a_change_and_of_one_that_came_before_its_stream(
    citizen: Citizen, office: Office, code: str
) -> None:
    # Notify may still be writing down what it has planned to tell.
    before = eventually(lambda: _settled(citizen, code), what="a page that stays as it is")
    with citizen.following(code, before) as events:
        _ask_for_papers(office, code)
        told = int(next(events).removeprefix("data: "))
    assert told > before
    # A browser that asks again says what it has seen, and is told at once what it has missed.
    with citizen.following(code, before) as events:
        assert int(next(events).removeprefix("data: ")) >= told
    page = citizen.status(code)
    assert "Bổ sung giấy tờ" in page.text
    assert "Yêu cầu bổ sung giấy tờ" in page.text


def test_one_address_has_so_many_live_pages_and_no_more(citizen: Citizen, code: str) -> None:
    with citizen.following(code, 0), citizen.following(code, 0):
        refused = citizen.get(f"/status/{code}/events", key=key_of(code))
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "60"
        assert citizen.status(code).status_code == 200

    def again() -> bool:
        try:
            with citizen.following(code, 0):
                return True
        except AssertionError:
            return False

    eventually(again, timeout=40.0, what="a place that was given back")


def test_open_pages_do_not_hold_up_the_end_of_a_service(city: City, code: str) -> None:
    ending = city.start(PAGE, trusted_proxies=1)
    city.wait_ready()
    following = threading.Event()
    ended = threading.Event()

    def follow() -> None:
        with Citizen(ending) as citizen, citizen.following(code, 10**9) as events:
            following.set()
            assert list(events) == []
            ended.set()

    thread = threading.Thread(target=follow)
    thread.start()
    assert following.wait(30)
    assert city.leave(ending) == 0
    thread.join(30)
    assert ended.is_set()
    assert "Traceback" not in ending.log.read_text()


@pytest.fixture(params=["motor", "pymongo"])
async def watched(
    request: pytest.FixtureRequest, settings: Settings, database: Database
) -> AsyncIterator[Database]:
    make = client if request.param == "motor" else pymongo_client
    mongo = make(settings.mongo)
    yield cast("Database", mongo[database.name])  # its successor has the same methods
    closed = mongo.close()
    if closed is not None:
        await closed


class Told:
    """A `Live` over a collection of the test's own."""

    def __init__(self, database: Database) -> None:
        self.dossiers = database["dossiers"]
        self.stopping = asyncio.Event()
        self.tasks = Supervised()
        self.live = Live(self.dossiers, self.stopping, self.tasks, most=3, most_by_address=2)

    async def write(self, code: str, version: int) -> None:
        await self.dossiers.replace_one({"_id": code}, {"_id": code, "v": version}, upsert=True)

    async def update(self, code: str, version: int) -> None:
        document = {"_id": code, "v": version, "more": "x" * 500}
        await self.dossiers.update_one({"_id": code}, [{"$replaceWith": {"$literal": document}}])

    async def end(self) -> None:
        self.stopping.set()
        await self.tasks.stop_all()
        if self.tasks.failed.done():
            self.tasks.failed.result()


async def test_each_page_is_told_of_its_own_dossier_and_of_no_other(watched: Database) -> None:
    told = Told(watched)
    with told.live.page("A", 0, "x") as a, told.live.page("B", 0, "x") as b:
        await told.write("A", 1)
        await a.news()
        assert (a.seen, b.seen) == (1, 0)
        await told.update("A", 2)
        await told.write("B", 7)
        await a.news()
        await b.news()
        assert (a.seen, b.seen) == (2, 7)
        with told.live.page("A", 0, "y") as late:
            await late.news()
            assert late.seen == 2
    await told.end()


async def test_a_stream_that_ended_is_opened_again_and_nothing_is_lost(watched: Database) -> None:
    told = Told(watched)
    await told.write("A", 1)
    with told.live.page("A", 0, "x") as page:
        await page.news()
        await told.dossiers.drop()
        await told.write("A", 2)
        await page.news()
        assert page.seen == 2
    await told.end()


async def test_pages_are_limited_in_all_and_for_each_address(watched: Database) -> None:
    told = Told(watched)
    with told.live.page("A", 0, "x"), told.live.page("A", 0, "x"):
        with pytest.raises(Full):
            told.live.page("A", 0, "x").__enter__()
        with told.live.page("A", 0, "y"), pytest.raises(Full):
            told.live.page("A", 0, "z").__enter__()
    with told.live.page("A", 0, "x"):
        pass
    await told.end()


async def test_every_page_ends_when_the_service_does(watched: Database) -> None:
    told = Told(watched)
    with told.live.page("A", 0, "x") as page:
        told.stopping.set()
        await soon(lambda: _closed(page), what="the page's end")
        with pytest.raises(Full):
            told.live.page("A", 0, "x").__enter__()
    await told.end()


async def _closed(page: OpenPage) -> bool:
    return bool(page.closed)


def _settled(citizen: Citizen, code: str) -> int:
    first, second = (version_in(citizen.status(code)) for _ in range(2))
    return first if first == second else 0


def _ask_for_papers(office: Office, code: str) -> None:
    office.does(
        "intake",
        code,
        "supplement-demand",
        {"documents": ["Ảnh 4x6"], "reason": "Thiếu ảnh", "by": OFFICER},
    )


async def test_a_change_stream_that_the_database_refuses_is_a_defect(
    watched: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_changes_of", lambda _: [{"$wrong": 1}])
    told = Told(watched)
    with told.live.page("A", 0, "x") as page:
        await asyncio.wait([told.tasks.failed], timeout=30)
        assert isinstance(told.tasks.failed.exception(), OperationFailure)
        told.stopping.set()
        await page.news()
        assert page.closed, "the end of the service ends it all the same"
