"""The engine on the official images, where there is a Docker daemon that has them."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from contracts.wire.topics import DOSSIER_EVENTS, TOPICS
from services.runtime.kafka.offsets import Offsets
from services.runtime.kafka.topics import check_topics, create_topics
from services.runtime.settings import Settings
from services.shared.lifecycle import PublicStatus
from tests.support.stage import a_stage, code_of, receptions, supplement_demand, withdrawal

KAFKA = "apache/kafka:4.4.0"
MONGO = "mongo:6.0"


def _why_not() -> str:
    """Why the tests cannot run here; empty if they can. Nothing is ever pulled."""
    try:
        found = subprocess.run(
            ["docker", "image", "inspect", "--format", "{{.Id}}", KAFKA, MONGO],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except FileNotFoundError:
        return "there is no docker command"
    except subprocess.TimeoutExpired:
        return "the Docker daemon does not answer"
    # Of what it says the last line is the reason: no daemon, or an image that is not here.
    return found.stderr.strip().splitlines()[-1] if found.returncode else ""


_WHY_NOT = _why_not()
pytestmark = [pytest.mark.docker, pytest.mark.skipif(bool(_WHY_NOT), reason=_WHY_NOT or "-")]


@pytest.fixture(scope="module")
def container_settings() -> Iterator[Settings]:
    """Kafka and a replica set of MongoDB in containers, the topics created."""
    # Its reaper is one image more, to be pulled; the containers are stopped below all the same.
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    from testcontainers.community.kafka import KafkaContainer
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    class ApacheKafka(KafkaContainer):
        """Testcontainers' own is for another vendor's image, with other paths in it."""

        def _verify_min_kraft_version(self) -> None:
            pass

        def tc_start(self) -> None:
            at = f"{self.get_container_host_ip()}:{self.get_exposed_port(self.port)}"
            listeners = f"PLAINTEXT://{at},BROKER://$(hostname -i):9092"
            script = (
                f"export KAFKA_ADVERTISED_LISTENERS={listeners}\n"
                "export KAFKA_AUTO_CREATE_TOPICS_ENABLE=false\n"
                "exec /etc/kafka/docker/run\n"
            )
            self.create_file(script.encode(), self.TC_START_SCRIPT)

    mongod = (
        DockerContainer(MONGO)
        .with_command(["mongod", "--replSet", "rs0", "--bind_ip_all"])
        .with_exposed_ports(27017)
        .waiting_for(LogMessageWaitStrategy("Waiting for connections"))
    )
    with ApacheKafka(KAFKA).with_kraft() as kafka, mongod:
        host, port = mongod.get_container_host_ip(), mongod.get_exposed_port(27017)
        mongo = f"mongodb://{host}:{port}/?directConnection=true"
        asyncio.run(_make_replica_set(mongo))
        settings = Settings(
            kafka=kafka.get_bootstrap_server(), mongo=mongo, partitions=3, session_timeout_ms=6000
        )
        yield settings


async def _make_replica_set(uri: str) -> None:
    from pymongo import AsyncMongoClient

    from tests.support.eventually import soon

    async with AsyncMongoClient[dict[str, Any]](uri) as mongo:
        member = {"_id": 0, "host": "127.0.0.1:27017"}
        await mongo.admin.command({"replSetInitiate": {"_id": "rs0", "members": [member]}})

        async def writable() -> bool:
            return bool((await mongo.admin.command("hello"))["isWritablePrimary"])

        await soon(writable, what="a primary")


async def test_the_topics_are_created_on_the_official_image(container_settings: Settings) -> None:
    assert await create_topics(container_settings) == [topic.name for topic in TOPICS]
    assert await create_topics(container_settings) == []
    await check_topics(container_settings)
    offsets = Offsets(container_settings.kafka)
    assert await offsets.partitions(DOSSIER_EVENTS) == [0, 1, 2]
    await offsets.stop()


async def test_an_engine_does_its_work_on_the_official_images(
    container_settings: Settings,
) -> None:
    async with a_stage(container_settings, partitions=3) as stage:
        first = await stage.act()
        await stage.put(*receptions(range(40)))
        await stage.rest()
        await stage.act()
        await first.leave()
        await stage.put(*[supplement_demand(code_of(n), 5) for n in range(40)])
        await stage.put(withdrawal(code_of(0), 6))
        await stage.rest()
        states = dict([s async for s in stage.store().states()])
        assert len(states) == 40
        assert states.pop(code_of(0)).status is PublicStatus.WITHDRAWN
        assert {s.status for s in states.values()} == {PublicStatus.SUPPLEMENT_REQUESTED}
        facts = await stage.facts()
        assert len(facts) == 81
        assert set(facts.values()) == {1}
        assert await stage.letters() == []
