"""The broker or the database is killed in the middle of the work, and comes back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from contracts.wire.envelope import Event
from contracts.wire.topics import TOPICS
from deploy.local.stack.city import City
from deploy.local.stack.stack import Stack
from services.routing.__main__ import SERVICE
from services.runtime.kafka.clients import AIOKAFKA
from services.runtime.kafka.offsets import Offsets
from services.runtime.kafka.producer import EventProducer
from services.runtime.kafka.topics import TopicsWrong, check_topics, create_topics
from services.runtime.loop.consumer import EngineConsumer, make_broker
from services.runtime.loop.engine import Engine
from services.runtime.mongo.client import client
from services.runtime.settings import Settings
from services.runtime.start import Start
from services.runtime.wiring import make_running
from services.shared.lifecycle import PublicStatus
from tests.support.eventually import eventually, soon
from tests.support.fork_server import fork
from tests.support.office import PROBLEM, Office, desk_of, filing
from tests.support.stage import a_stage, code_of, receptions, supplement_demand

pytestmark = [pytest.mark.integration, pytest.mark.slow]

DOSSIERS = 400


@pytest.fixture(scope="module")
def shaky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that may be broken: the other tests' one stays up."""
    root = tmp_path_factory.mktemp("shaky")
    stack = Stack(root, "shaky", die_with_parent=True, kafka_heap_mb=256)
    stack.up()
    yield stack
    stack.reset()


@pytest.fixture
def shaky_settings(shaky: Stack, settings: Settings) -> Settings:
    endpoints = shaky.up()  # the test before may have left a part killed
    return settings.model_copy(
        update={"kafka": endpoints.kafka, "mongo": endpoints.mongo, "batch_records": 10}
    )


@pytest.mark.parametrize("part", ["mongod", "kafka"])
async def test_a_part_that_is_killed_in_the_middle_costs_nothing_but_time(
    shaky: Stack, shaky_settings: Settings, part: str
) -> None:
    async with a_stage(shaky_settings, partitions=2) as stage:
        actor = await stage.act()
        await stage.put(*receptions(range(DOSSIERS)))
        await soon(lambda: _some_done(actor.engine), what="the middle")
        await asyncio.to_thread(shaky.kill, part)
        await asyncio.to_thread(shaky.start, part)
        await stage.put(*[supplement_demand(code_of(n), 5) for n in range(DOSSIERS)])
        await stage.rest(timeout=60.0)

        states = dict([s async for s in stage.store().states()])
        assert len(states) == DOSSIERS
        assert {s.status for s in states.values()} == {PublicStatus.SUPPLEMENT_REQUESTED}
        # What was being written when it died may stand twice, with one id; nothing else does.
        facts = await stage.facts()
        assert len(facts) == 2 * DOSSIERS
        assert await stage.letters() == []
        assert not actor.tasks.failed.done()


async def test_a_defect_in_belonging_to_the_group_is_told_and_does_not_leave_a_service_idle(
    shaky_settings: Settings,
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    async with a_stage(shaky_settings, partitions=2) as stage:
        actor = await stage.act()
        assert actor.consumer.subscriber.consumer is not None
        coordinator = actor.consumer.subscriber.consumer._coordinator
        coordinator._client.coordinator_lookup = broken
        coordinator.coordinator_dead()
        with pytest.raises(KafkaError, match="a defect"):
            await asyncio.wait_for(actor.tasks.failed, timeout=60.0)


async def test_a_topic_that_is_missing_or_has_other_partitions_is_named_with_the_remedy(
    shaky_settings: Settings,
) -> None:
    with pytest.raises(TopicsWrong, match=r"dossier\.events is missing; run: motcua topics create"):
        await check_topics(shaky_settings)
    made = await create_topics(shaky_settings)
    assert made[0] == "dossier.events"
    assert await create_topics(shaky_settings) == []
    await check_topics(shaky_settings)
    with pytest.raises(TopicsWrong, match="has 4 partitions and MOTCUA_PARTITIONS says 7"):
        await check_topics(shaky_settings.model_copy(update={"partitions": 7}))


@pytest.mark.parametrize(
    ("topic", "name", "value", "says"),
    [
        ("unit.alerts", "message.timestamp.type", "CreateTime", "when a record was entered"),
        ("unit.alerts", "cleanup.policy", "compact", "records would be lost"),
        ("dossier.events", "retention.ms", "604800000", "records would be lost"),
    ],
)
async def test_a_topic_that_is_set_up_otherwise_is_named_with_the_remedy(
    shaky_settings: Settings, topic: str, name: str, value: str, says: str
) -> None:
    await create_topics(shaky_settings)
    await check_topics(shaky_settings)
    right = next(each.config for each in TOPICS if each.name == topic)
    remedy = rf"{re.escape(topic)} has {name}={value}: .*{says}; run: kafka-configs\.sh .*{name}="
    try:
        await _set_up(topic, {**right, name: value}, shaky_settings)
        with pytest.raises(TopicsWrong, match=remedy + re.escape(right[name])):
            await check_topics(shaky_settings)
    finally:
        await _set_up(topic, right, shaky_settings)
    await check_topics(shaky_settings)


async def _set_up(topic: str, config: dict[str, str], settings: Settings) -> None:
    """Sets a topic up, and waits until the broker knows.

    It answers when its controller has written the settings, before it has read them back.
    """

    async def known() -> bool:
        asked = ConfigResource(ConfigResourceType.TOPIC, topic, dict.fromkeys(config))
        (response,) = await admin.describe_configs([asked])
        found = {key: value for *_, entries in response.resources for key, value, *_ in entries}
        return found.items() >= config.items()

    admin = AIOKAFKA.admin(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, config)])
        await soon(known)
    finally:
        await admin.close()


def test_while_a_part_is_away_http_says_so_and_a_retry_finds_nothing_half_done(
    shaky: Stack, shaky_settings: Settings, tmp_path: Path
) -> None:
    asyncio.run(create_topics(shaky_settings))
    with City(
        shaky.endpoints(),
        tmp_path,
        launch=fork,
        partitions=4,
        answer_timeout=1.5,
        session_timeout_ms=2000,
    ) as city:
        city.start("intake")
        city.wait_ready()
        office = Office(city)
        before = office.hand_in()

        def ready() -> bool:
            return office.get("intake", "/health/ready").status_code == 200

        def hand_in(key: str) -> httpx.Response:
            body = {"by": desk_of("H29.11"), "filing": filing(receiving_unit="H29.11")}
            return office.post("intake", "/dossiers", body, headers={"Idempotency-Key": key})

        def received(key: str) -> dict[str, Any] | None:
            answer = hand_in(key)
            return answer.json() if answer.status_code == 201 else None

        for part, kind in (("kafka", "audit-unavailable"), ("mongod", "state-unavailable")):
            shaky.kill(part)
            with ThreadPoolExecutor(1) as beside:
                reading = beside.submit(office.get, "intake", f"/dossiers/{before}")
                answer = hand_in(part)
                asked = reading.result()
            assert answer.status_code == 503, answer.text
            assert answer.headers["Content-Type"] == PROBLEM
            assert answer.json()["type"] == f"urn:motcua:problem:{kind}"
            assert int(answer.headers["Retry-After"]) > 0
            assert asked.status_code == 503
            assert asked.headers["Content-Type"] == PROBLEM
            shaky.start(part)
            eventually(ready, timeout=30, what="health")
            first = eventually(partial(received, part), what="the same request, at last")
            assert hand_in(part).json()["fact"] == first["fact"]
        listed = office.get("intake", "/dossiers", agency="H29.11").json()["items"]
        assert len(listed) == 2, "each request made one dossier, however often it was asked"
        office.close()


@pytest.mark.parametrize("part", ["kafka", "mongod"])
def test_a_service_that_is_started_while_a_part_is_away_waits_for_it(
    shaky: Stack, shaky_settings: Settings, tmp_path: Path, part: str
) -> None:
    asyncio.run(create_topics(shaky_settings))
    with City(shaky.endpoints(), tmp_path, launch=fork, partitions=4) as city:
        shaky.kill(part)
        instance = city.start("routing")
        eventually(lambda: "waiting for broker" in instance.log.read_text(), timeout=60.0)
        # It is seen to be alive, and says what it waits for; it knows nothing to answer with yet.
        waits_for = f"waiting for the {'log' if part == 'kafka' else 'database'}"
        for path, status in (("/health/live", 200), ("/health/ready", 503)):
            answer = httpx.get(instance.url + path)
            assert (answer.status_code, answer.json()["status"]) == (status, waits_for)
        answer = httpx.get(instance.url + "/dossiers/H29.1-240307-0001")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.json()["type"] == "urn:motcua:problem:starting"
        assert instance.process.poll() is None
        shaky.start(part)
        city.wait_ready()
        # It answers by itself now, and asks who calls.
        assert httpx.get(instance.url + "/dossiers/H29.1-240307-0001").status_code == 401
        shaky.kill(part)
        other = city.start("sla")
        eventually(lambda: "waiting for broker" in other.log.read_text(), timeout=60.0)
        other.process.terminate()
        assert other.process.wait(timeout=30) == 0, "it ends when it is asked to, though it waits"
    shaky.start(part)


@pytest.mark.parametrize("part", ["mongod", "kafka"])
async def test_a_part_that_goes_away_in_the_middle_of_a_start_is_waited_for(
    shaky: Stack, shaky_settings: Settings, part: str
) -> None:
    await create_topics(shaky_settings)
    mongo = client(shaky_settings.mongo)
    running = make_running(SERVICE, shaky_settings, mongo)
    (engine,) = running.engines
    broker = make_broker(shaky_settings)
    consumer = EngineConsumer(broker, engine, shaky_settings, running.tasks)
    offsets = Offsets(shaky_settings.kafka)
    start = Start(running, broker, [consumer], offsets)
    step: Any = engine.store if part == "mongod" else broker
    name = "prepare" if part == "mongod" else "start"
    does = getattr(step, name)
    failed: list[Exception] = []

    async def does_without() -> None:
        if not failed:
            await asyncio.to_thread(shaky.kill, part)
        try:
            await does()
        except Exception as error:
            failed.append(error)
            await asyncio.to_thread(shaky.start, part)
            raise

    setattr(step, name, does_without)
    try:
        await asyncio.wait_for(start.run(), timeout=120.0)
        assert failed
        assert start.waits_for is None
        await soon(lambda: _is_owner(engine), what="its partitions")
    finally:
        await running.tasks.stop_all()
        await broker.stop()
        await running.producer.stop()
        await offsets.stop()
        mongo.close()


async def _is_owner(engine: Engine[Any]) -> bool:
    return len(engine.ownership.owned) == 4


def test_who_has_work_and_waits_for_a_part_is_alive_and_says_what_it_waits_for(
    shaky: Stack, shaky_settings: Settings, tmp_path: Path
) -> None:
    asyncio.run(create_topics(shaky_settings))
    with City(
        shaky.endpoints(),
        tmp_path,
        launch=fork,
        partitions=4,
        answer_timeout=0.5,
        stuck_after=8.0,
        retry_most=0.5,
    ) as city:
        instance = city.start("intake")
        city.wait_ready()
        office = Office(city)

        def waits_for(what: str) -> bool:
            health = office.get("intake", "/health/live")
            assert health.status_code == 200, health.text
            return bool(health.json()["status"] == what)

        shaky.kill("mongod")
        asyncio.run(_ask(shaky_settings, *receptions(range(20))))
        eventually(lambda: waits_for("waiting for the database"), timeout=60.0)
        assert office.get("intake", "/health/ready").status_code == 503
        shaky.start("mongod")
        eventually(lambda: waits_for("idle"), timeout=60.0)
        # When the database is back alone, what is decided cannot be written to the log.
        shaky.kill("mongod")
        asyncio.run(_ask(shaky_settings, *receptions(range(20, 40))))
        eventually(lambda: waits_for("waiting for the database"), timeout=60.0)
        shaky.kill("kafka")
        shaky.start("mongod")
        eventually(lambda: waits_for("waiting for the log"), timeout=60.0)
        assert instance.process.poll() is None
        shaky.start("kafka")
        office.close()


async def _ask(settings: Settings, *requests: Event) -> None:
    producer = EventProducer(settings.kafka)
    await producer.publish(requests)
    await producer.stop()


async def _some_done(engine: Engine[Any]) -> bool:
    return any(engine.progress.next_offset(p) for p in engine.ownership.owned)
