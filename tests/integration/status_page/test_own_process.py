"""The status page in its own process: what it may do, and what it knows without an engine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from contracts.wire.topics import PAGE
from deploy.local.stack.city import City, Instance, execute
from deploy.local.stack.stack import Stack
from motcua.feed import Feed
from services.runtime.kafka.topics import create_topics
from services.runtime.settings import Settings
from services.shared.lookup_key import lookup_key
from tests.support.eventually import eventually
from tests.support.fork_server import fork
from tests.support.office import Office

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def page(city: City) -> Iterator[Instance]:
    instance = city.start(PAGE, launch=execute)
    city.wait_ready()
    yield instance
    city.leave(instance)


def shown(page: Instance, code: str) -> str:
    params = {"key": lookup_key("tests", code)}
    answer = httpx.get(f"{page.url}/status/{code}", params=params, timeout=30)
    return answer.text if answer.status_code == 200 else ""


def test_it_shows_what_the_engines_write_and_owns_no_partition(
    office: Office, page: Instance
) -> None:
    code = office.hand_in()
    office.agrees(code, "in_process", "notify")
    assert "Hồ sơ đang được giải quyết" in shown(page, code)
    health = httpx.get(f"{page.url}/health/ready").json()
    assert (health["status"], health["partitions"]) == ("idle", 0)


def test_it_answers_citizens_alone_and_notify_answers_none(
    city: City, office: Office, page: Instance
) -> None:
    code = office.hand_in()
    for path in (f"/dossiers/{code}", f"/dossiers/{code}/requests/x", "/balance", "/receipts/sms"):
        assert httpx.get(page.url + path).status_code == 404, path
    for path in ("/", f"/status/{code}", f"/receipt/{code}", "/page/page.css"):
        assert httpx.get(city.of("notify").url + path).status_code == 404, path
    # What it says of itself is not taken for notify's.
    assert 'motcua_partitions_owned{service="notify"' not in httpx.get(f"{page.url}/metrics").text


def test_in_a_replay_it_goes_by_the_stream_s_time(tmp_path: Path) -> None:
    """On a stack of its own: what ticks there moves nobody else's clock."""
    noon = datetime(2026, 3, 2, 5, tzinfo=UTC)
    stack = Stack(tmp_path, "replay", die_with_parent=True, kafka_heap_mb=256)
    ends = stack.up()
    settings = Settings(kafka=ends.kafka, mongo=ends.mongo, partitions=2)
    asyncio.run(create_topics(settings))

    async def tick() -> None:
        feed = Feed(settings.kafka)
        await feed.start()
        await feed.tick(noon)
        await feed.stop()

    try:
        with City(ends, tmp_path / "city", launch=fork, clock="stream", partitions=2) as replay:
            asyncio.run(tick())
            # After the tick, before anybody has decided anything; as who may read the log.
            page = replay.start(
                PAGE,
                launch=lambda p, told, log: fork(p, {**told, **ends.environment("notify")}, log),
            )
            replay.wait_ready()
            eventually(
                lambda: page.get("/health/live")["now"] == noon.isoformat(),
                what="the stream's time",
            )
    finally:
        stack.reset()
