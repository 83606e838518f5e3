"""``motcua import --correct`` through real Kafka and MongoDB.

One agency is told a log with faults and then the mended one; another is told the mended log alone.
What the four services know of them is the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from contracts.wire.topics import SERVICES
from deploy.local.stack.city import City
from deploy.local.stack.endpoints import Endpoints
from tests.support.eventually import eventually
from tests.support.importing import begin_import, rest
from tests.support.office import Office
from tests.support.secured import mongo_client

pytestmark = [pytest.mark.integration, pytest.mark.slow]

MAPPING = """
[source]
name = "older-{own}"
format = "csv"
agency = "{agency}"
number = '^A-(?P<value>\\d+)$'
case = "case"
time = "when"
activity = "what"
time_format = "%d/%m/%Y %H:%M"
time_zone = "Asia/Ho_Chi_Minh"

[filing]
procedure = "1.004194"
channel = "counter"
receiving_unit = "H29.15"
handling_unit = "H29.15"
returning_unit = "H29.15"
place = "26740"
citizen = "old-{number}"
officer = "cb-29-1501"

[promise]
standard = true

[[rules]]
activity = "file"
emit = [
    { fact = "DossierReceived" },
    { fact = "DossierRouted" },
    { fact = "StepStarted", step = "verify" },
]

[[rules]]
activity = "ask"
emit = [{ fact = "SupplementDemanded", documents = ["CT01"] }]

[[rules]]
activity = "came"
emit = [{ fact = "SupplementDelivered", documents = ["CT01"] }]

[[rules]]
activity = "approve"
emit = [
    { fact = "StepCompleted", step = "verify" },
    { fact = "DossierProcessed", outcome = "granted" },
]

[[rules]]
activity = "take back"
emit = [{ fact = "DossierWithdrawn" }]
"""
MENDED = """case,when,what
A-1,04/03/2024 08:00,file
A-1,05/03/2024 08:00,ask
A-1,11/03/2024 08:00,came
A-1,12/03/2024 08:00,approve
A-2,04/03/2024 08:30,file
A-2,20/03/2024 08:30,approve
A-3,04/03/2024 09:00,file
A-3,05/03/2024 09:00,take back
A-4,04/03/2024 10:00,file
A-5,04/03/2024 11:00,file
"""
FAULTY = """case,when,what
A-1,04/03/2024 08:00,file
A-1,12/03/2024 08:00,approve
A-2,04/03/2024 08:30,file
A-2,05/03/2024 08:30,approve
A-3,04/03/2024 09:00,file
A-3,05/03/2024 09:00,approve
A-4,04/03/2024 10:00,file
A-4,06/03/2024 10:00,take back
A-5,04/03/2024 11:00,file
"""
"""A-1 was late, for want of its wait; A-2 ended too early; A-3 ended otherwise; A-4 is open."""

_OWN = re.compile(
    r"older-1[23]|H29\.1[23]|[0-9a-f]{8}-[0-9a-f]{4}(-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?"
)
_ROAD = {"replaced", "alerts", "retracted", "messages", "notices", "gathered", "deadlines"} | {
    *("overdue", "alerted", "taken_back", "breach_taken_back"),
}


@pytest.fixture(scope="module")
def mongo(endpoints: Endpoints) -> Iterator[MongoClient[dict[str, Any]]]:
    mongo: MongoClient[dict[str, Any]] = mongo_client(endpoints.mongo, tz_aware=True)
    with mongo:
        yield mongo


def _import(city: City, folder: Path, agency: str, log: str, *more: str) -> tuple[int, str]:
    file, mapping = folder / f"{agency}.csv", folder / f"{agency}.toml"
    file.write_text(log, encoding="utf-8")
    mapping.write_text(
        MAPPING.replace("{agency}", agency).replace("{own}", agency[-2:]), encoding="utf-8"
    )
    process = begin_import(city, file, mapping, *more)
    said, _ = process.communicate(timeout=60)
    return process.returncode, said


def _known(mongo: MongoClient[dict[str, Any]], agency: str) -> dict[str, Any]:
    """What the services know of an agency's dossiers, but for ids and the way to it."""
    found: dict[str, Any] = {}
    for service in SERVICES:
        query = {"_id": {"$regex": f"^{re.escape(agency)}-"}}
        for document in mongo[f"motcua_{service}"]["dossiers"].find(query).sort("_id", 1):
            state = {k: v for k, v in document["state"].items() if k not in _ROAD}
            number = document["_id"].rpartition("-")[2]
            found[f"{service} {number}"] = _OWN.sub("*", repr(state))
            if service == "sla":
                standing = [a for a in document["state"]["alerts"] if not a.get("retracted")]
                found[f"alerts {number}"] = [(a["at"], a["kind"], a.get("about")) for a in standing]
    return found


def _comes_to(mongo: MongoClient[dict[str, Any]], agency: str, wanted: dict[str, Any]) -> None:
    """Wait until the services know of an agency what is wanted; say what they know otherwise."""

    def differing() -> dict[str, Any]:
        known = _known(mongo, agency)
        return {
            key: (known.get(key), wanted[key]) for key in wanted if known.get(key) != wanted[key]
        }

    try:
        eventually(lambda: not differing(), what="the same")
    except AssertionError:
        assert differing() == {}


def test_a_corrected_log_comes_to_what_the_mended_one_comes_to_at_first(
    city: City, office: Office, mongo: MongoClient[dict[str, Any]], tmp_path: Path
) -> None:
    ended, said = _import(city, tmp_path, "H29.12", FAULTY)
    assert ended == 0, said
    assert _import(city, tmp_path, "H29.13", MENDED)[0] == 0
    rest(office)
    late = mongo["motcua_sla"]["dossiers"].find_one({"_id": "H29.12-240304-0001"})
    assert late is not None
    assert "DossierOverdue" in {a["kind"] for a in late["state"]["alerts"]}

    ended, said = _import(city, tmp_path, "H29.12", MENDED)
    assert ended == 1
    assert "They were not changed." in said
    assert "`--correct` tells these cases anew." in said
    rest(office)

    ended, said = _import(city, tmp_path, "H29.12", MENDED, "--correct")
    assert ended == 0, said
    assert "They were corrected." in said
    rest(office)
    # The city's clock raises what is due of the dossiers that are open.
    wanted = _known(mongo, "H29.13")
    assert len(wanted) == 5 * (len(SERVICES) + 1)
    _comes_to(mongo, "H29.12", wanted)
    for number, status in (("0001", "processed"), ("0003", "withdrawn"), ("0004", "in_process")):
        office.agrees(f"H29.12-240304-{number}", status)

    ended, said = _import(city, tmp_path, "H29.12", MENDED, "--correct")
    assert ended == 0
    assert "0 facts sent" in said

    # And back again: what was mended was right at first.
    assert _import(city, tmp_path, "H29.13", FAULTY, "--correct")[0] == 0
    assert _import(city, tmp_path, "H29.13", MENDED, "--correct")[0] == 0
    rest(office)
    _comes_to(mongo, "H29.13", wanted)
