"""A person who is erased is erased everywhere: shown by looking into every file there is."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from deploy.local.fakes.gateway.accepted import read_accepted_messages
from deploy.local.fakes.smtp.accepted import read_accepted_mails
from deploy.local.stack.city import City
from deploy.local.stack.stack import Stack
from services.runtime.kafka.topics import create_topics
from services.runtime.mongo.client import client
from services.runtime.settings import Settings
from services.shared.citizen_keys import CitizenKeys, Erased
from services.shared.master_keys import MasterKeys
from services.shared.sealing import Sealer, Unreadable
from tests.support.eventually import eventually
from tests.support.fork_server import fork
from tests.support.office import OFFICER, Office, filing
from tests.support.secured import mongo_client

pytestmark = [pytest.mark.integration, pytest.mark.slow]

MASTER = b64encode(bytes(range(32))).decode()
ERASED, KEPT = "nguyen.thi.erased@erased.test", "tran.van.kept@kept.test"
PHONE, DIALLED = "090 123 4567", "+84901234567"
"""As it was left at the counter, and as the gateway is given it."""
IN_CLEAR = "nguyen.thi.control.of.control.test"
"""Of the same nature, and stored in clear, as what somebody writes into a reason is: what does not
find this would not find the others."""


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of this module's own, whose files are searched when it is down."""
    stack = Stack(
        tmp_path_factory.mktemp("erasure"), "erasure", die_with_parent=True, mongo_compressed=False
    )
    stack.up()
    yield stack
    stack.reset()


def spellings(text: str) -> list[bytes]:
    """How a text may stand in a file: UTF-8, UTF-16, and base64 at each alignment."""
    raw = text.encode()
    found = [raw, text.encode("utf-16-le"), text.encode("utf-16-be")]
    for shift in range(3):
        encoded = b64encode(b"\0" * shift + raw)
        # What depends on the neighbours is cut off at both ends.
        found.append(encoded[4 if shift else 0 : -4])
    return found


def documents(mongo: MongoClient[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Every document of every collection, the oplog's too, as text."""
    for name in mongo.list_database_names():
        for collection in mongo[name].list_collection_names():
            if collection.startswith("system."):
                continue
            for document in mongo[name][collection].find():
                yield f"{name}.{collection}", repr(document)


def file_of(mongo: MongoClient[dict[str, Any]], where: str) -> str:
    """The name of the file in which MongoDB keeps a collection."""
    database, _, collection = where.partition(".")
    uri: str = mongo[database].command("collStats", collection)["wiredTiger"]["uri"]
    return f"{uri.rpartition(':')[2]}.wt"


def files_with(text: str, folder: Path) -> list[Path]:
    """The files under the folder in which the text stands, however it is spelt."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    wanted = spellings(text)
    return [
        path
        for path in files
        if (content := path.read_bytes()) and any(spelling in content for spelling in wanted)
    ]


async def test_an_erased_address_is_in_no_file_and_what_was_sealed_opens_with_nothing(
    own_stack: Stack, tmp_path: Path
) -> None:
    endpoints = own_stack.endpoints()
    settings = Settings(kafka=endpoints.kafka, mongo=endpoints.mongo, partitions=2)
    await create_topics(settings)
    with City(
        endpoints,
        tmp_path / "city",
        launch=fork,
        clock="wall",
        partitions=2,
        channels="email,sms",
        quiet_from="00:00",
        quiet_until="00:00",
        master_key=MASTER,
        batch_gap_ms=10,
    ) as city:
        city.start_all()
        office = Office(city)
        codes = {}
        for citizen, email in (("cd-erased", ERASED), ("cd-kept", KEPT)):
            body = {
                "filing": filing(citizen=citizen),
                "by": OFFICER,
                "contact": {"email": email, "phone": PHONE},
            }
            answer = office.post("intake", "/dossiers", body)
            assert answer.status_code == 201, answer.text
            codes[citizen] = answer.json()["code"]
        bad = {"filing": filing(), "by": OFFICER, "contact": {"email": ERASED, "fax": ERASED}}
        assert office.post("intake", "/dossiers", bad).status_code == 422

        def told() -> set[str]:
            return {
                to for mail in read_accepted_mails(endpoints.smtp_ledger) for to in mail.rcpt_to
            }

        eventually(lambda: told() >= {ERASED, KEPT}, what="mail to both")

        def called() -> set[str]:
            return {entry.to for entry in read_accepted_messages(endpoints.gateway_ledger)}

        eventually(lambda: called() >= {DIALLED}, what="an SMS")
        mongo: MongoClient[dict[str, Any]] = mongo_client(endpoints.mongo)
        contact = mongo["motcua_notify"]["contacts"].find_one(
            {"_id": f"dossier:{codes['cd-erased']}"}
        )
        assert contact is not None
        sealed, key_id = contact["state"]["sealed"], contact["state"]["key_id"]

        environment = {
            **os.environ,
            "MOTCUA_KAFKA": endpoints.kafka,
            "MOTCUA_MONGO": endpoints.mongo,
            "MOTCUA_MASTER_KEY": MASTER,
        }
        erase = ["citizen", "erase", "cd-erased", "--reason", "asked to", "--yes"]
        said = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "motcua", *erase],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert said.returncode == 0, said.stdout + said.stderr
        assert "the key is deleted" in said.stdout
        assert "a copy of it still opens with the master key" in " ".join(said.stdout.split())
        without = {**environment, "MOTCUA_MASTER_KEY": b64encode(bytes(32)).decode()}
        said = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "motcua", "citizen", "erased"],
            env=without,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "no copy of it opens any more" in " ".join(said.stdout.split())

        # Whoever is erased is not written to, and the reason is kept.
        office.does(
            "intake",
            codes["cd-erased"],
            "supplement-demand",
            {"documents": ["b"], "reason": f"ask {IN_CLEAR}", "by": OFFICER},
        )
        eventually(
            lambda: [
                m
                for m in office.view("notify", codes["cd-erased"]).get("messages", [])
                if m["outcome"] == "not sent: erased"
            ],
            what="a message that is not sent",
        )
        metrics = "".join(
            office.get(service, "/metrics").text
            for service in ("intake", "routing", "sla", "notify")
        )
        office.close()

        # Nothing that is left opens what was sealed: no key that is there, nor the master key.
        motor = client(endpoints.mongo)
        masters = MasterKeys({"m": b64decode(MASTER)})
        keys = CitizenKeys(motor, masters)
        with pytest.raises(Erased):
            await keys.open("citizen:cd-erased", key_id, sealed)
        left = [d for d in mongo["motcua_keys"]["citizen_keys"].find() if "wrapped" in d]
        assert [d["_id"] for d in left] == ["citizen:cd-kept"]
        for key in (b64decode(MASTER), *(_unwrapped(d) for d in left)):
            for owner in ("citizen:cd-erased", "citizen:cd-kept"):
                with pytest.raises(Unreadable):
                    Sealer(key).open(owner, sealed)
        kept = mongo["motcua_notify"]["contacts"].find_one({"_id": f"dossier:{codes['cd-kept']}"})
        assert kept is not None
        state = kept["state"]
        real = CitizenKeys(motor, _named(left[0]["master"]))
        assert KEPT.encode() in await real.open("citizen:cd-kept", state["key_id"], state["sealed"])
        motor.close()

        wanted = [s.decode("latin-1") for s in spellings(ERASED)]
        in_clear = set()
        for where, text in documents(mongo):
            assert not any(spelling in text for spelling in wanted), where
            if IN_CLEAR in text:
                in_clear.add(where)
        assert in_clear >= {"motcua_intake.dossiers", "motcua_notify.deliveries", "local.oplog.rs"}
        files = {where: file_of(mongo, where) for where in in_clear}
        assert not any(address in metrics for address in (ERASED, PHONE, DIALLED))
        mongo.close()
    own_stack.down()

    kafka, mongod = own_stack.folder / "kafka", own_stack.folder / "mongod"
    for folder in (kafka, mongod, tmp_path):
        for address in (ERASED, KEPT, PHONE, DIALLED):
            assert files_with(address, folder) == []
    for folder in (kafka, mongod / "data" / "journal"):
        assert files_with(IN_CLEAR, folder) != [], folder
    found = {path.name for path in files_with(IN_CLEAR, mongod)}
    assert [where for where, name in files.items() if name not in found] == []


def _unwrapped(document: dict[str, Any]) -> bytes:
    return _named(document["master"]).unwrap(
        document["_id"], document["master"], document["wrapped"]
    )


def _named(master: str) -> MasterKeys:
    return MasterKeys({master: b64decode(MASTER)})
