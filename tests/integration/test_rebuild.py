"""States are rebuilt from the log alone: the same, whatever becomes of the rebuild meanwhile."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.values import rfc3339
from contracts.wire.topics import DOSSIER_EVENTS, SERVICES
from deploy.local.stack.city import City
from deploy.local.stack.stack import Stack
from services.runtime import Partitions, Settings, client, create_topics
from tests.support.fork_server import fork
from tests.support.office import WARD_HEAD, WARD_OFFICER, WARD_UNIT, Office, filing

pytestmark = pytest.mark.integration

DELEGATED = {
    "unit": WARD_UNIT,
    "to": WARD_OFFICER,
    "requests": ["LateEntryRequested"],
    "since": rfc3339(datetime.now(UTC)),
    "until": rfc3339(datetime.now(UTC) + timedelta(days=9)),
}


@dataclass
class Archive:
    """A city whose services are stopped, with what they have done on the log."""

    city: City
    settings: Settings

    def motcua(self, *arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
        environment = self.city.environment(**more) | {"COLUMNS": "80"}
        return subprocess.run(
            [sys.executable, "-m", "motcua", *arguments],
            env=environment | {"PYTHONPATH": os.getcwd()},  # noqa: PTH109
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def states(self, service: str) -> dict[str, Any]:
        async def read() -> dict[str, Any]:
            mongo = client(self.settings.mongo)
            found = mongo[f"motcua_{service}"]["dossiers"].find({})
            states = {document["_id"]: document["state"] async for document in found}
            mongo.close()
            return states

        return asyncio.run(read())

    def ask(self, service: str, what: Any) -> Any:
        async def asked() -> Any:
            mongo = client(self.settings.mongo)
            try:
                return await what(mongo[f"motcua_{service}"])
            finally:
                mongo.close()

        return asyncio.run(asked())


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    stack = Stack(tmp_path_factory.mktemp("archive"), "archive", die_with_parent=True)
    stack.up()
    ends = stack.endpoints()
    settings = Settings(kafka=ends.kafka, mongo=ends.mongo, partitions=4)
    asyncio.run(create_topics(settings))
    root: Path = tmp_path_factory.mktemp("archive")
    with City(ends, root, launch=fork, partitions=4, session_timeout_ms=2000) as city:
        city.start_all()
        office = Office(city)
        codes = [office.hand_in() for _ in range(11)]
        # What is said of contact data beside the decisions about it makes no state.
        left = {"filing": filing(), "contact": {"email": "an@example.test"}}
        codes.append(office.post("intake", "/dossiers", left).json()["code"])
        for code in codes[:6]:
            lead = office.open_step(code)["lead"]
            office.does("routing", code, "step-completion", {"step": "receive-check", "by": lead})
        for code in codes[6:9]:
            office.open_step(code)
            office.does("routing", code, "stop", {"reason": "chờ", "by": WARD_OFFICER})
        refused = office.post(
            "routing", f"/dossiers/{codes[7]}/stop", {"reason": "a", "by": WARD_OFFICER}
        )
        assert refused.status_code == 409
        delegated = office.post("routing", "/authority/delegations", DELEGATED, who=WARD_HEAD)
        assert delegated.status_code == 201, delegated.text
        late = {"request": "StopRequested", "at": "2026-03-02T08:00:00+07:00", "reason": "a"}
        office.does("routing", codes[9], "late-entries", late | {"by": WARD_OFFICER})
        over = {"to_unit": "H29.102", "reason": "thẩm quyền", "by": WARD_OFFICER}
        office.does("routing", codes[10], "hand-over", over)
        assert office.view("routing", codes[11])["handling_unit"] == WARD_UNIT
        for code in codes:
            status = "stopped" if code in codes[6:9] else "in_process"
            office.agrees(code, status)
        office.close()
        for instance in list(city.instances):
            city.leave(instance)
        yield Archive(city, settings)
    stack.reset()


@pytest.mark.parametrize("service", SERVICES)
def test_the_states_of_a_service_that_are_rebuilt_equal_the_live_ones(
    archive: Archive, service: str
) -> None:
    done = archive.motcua("rebuild", service, "--check")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 states equal the live ones, 0 differ, 0 are missing, 0 are new" in done.stdout


def test_what_differs_is_named_by_its_dossier_and_its_field(archive: Archive) -> None:
    code = next(iter(archive.states("sla")))

    async def bend(database: Any) -> None:
        await database["dossiers"].update_one({"_id": code}, {"$set": {"state.unit": "H29.9"}})

    archive.ask("sla", bend)
    done = archive.motcua("rebuild", "sla", "--check")

    assert done.returncode == 1
    assert f"{code}: unit" in done.stdout
    assert archive.motcua("rebuild", "sla").returncode == 0
    assert archive.motcua("rebuild", "sla", "--check").returncode == 0


def test_a_rebuild_that_was_killed_goes_on_and_until_then_the_states_are_the_old_ones(
    archive: Archive,
) -> None:
    before = archive.states("routing")

    killed = archive.motcua("rebuild", "routing", stop_at="rebuild-folded:2")
    assert killed.returncode == -9
    assert archive.states("routing") == before

    done = archive.motcua("rebuild", "routing")
    assert done.returncode == 0, done.stdout + done.stderr
    assert archive.states("routing") == before


def test_what_was_delegated_is_rebuilt_in_every_partition(archive: Archive) -> None:
    async def grants(database: Any) -> list[Any]:
        marks = await Partitions(database, DOSSIER_EVENTS, "dossiers").load(range(4))
        return [dict(marks[partition].world.grants) for partition in range(4)]

    async def lose(database: Any) -> None:
        for name in ("authority", "partitions", "dossiers"):
            await database.drop_collection(name)

    before = archive.ask("routing", grants)
    assert [len(each[WARD_OFFICER]) for each in before] == [1] * 4
    states = archive.states("routing")

    archive.ask("routing", lose)
    done = archive.motcua("rebuild", "routing")
    assert done.returncode == 0, done.stdout + done.stderr
    assert archive.ask("routing", grants) == before
    assert archive.states("routing") == states


def test_a_restored_database_is_recognised_and_rebuilding_is_the_way_out(
    archive: Archive,
) -> None:
    before = archive.states("intake")

    async def restore(database: Any) -> None:
        """As of a while ago: fewer dossiers, and partitions that had not come as far."""
        gone = [d["_id"] async for d in database["dossiers"].find({}, {"_id": 1}).limit(5)]
        await database["dossiers"].delete_many({"_id": {"$in": gone}})
        await database["partitions"].update_many(
            {}, [{"$set": {"next": {"$divide": ["$next", 2]}}}]
        )
        await database["partitions"].update_many({}, [{"$set": {"next": {"$toLong": "$next"}}}])

    archive.ask("intake", restore)
    instance = archive.city.start("intake")
    code = instance.process.wait(30)
    archive.city.instances.remove(instance)
    assert code != 0
    assert "motcua rebuild intake" in instance.log.read_text()

    assert archive.motcua("rebuild", "intake").returncode == 0
    assert archive.states("intake") == before
    archive.city.start("intake")
    archive.city.wait_ready()
    still = archive.motcua("rebuild", "intake")
    assert (still.returncode, "1 running instances" in still.stdout) == (1, True)
    archive.city.leave(archive.city.of("intake"))
