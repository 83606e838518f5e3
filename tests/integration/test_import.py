"""``motcua import`` end to end: an older system's log becomes dossiers that all services know."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from contracts.wire.topics import SERVICES
from deploy.local.stack.city import City
from deploy.local.stack.endpoints import Endpoints
from motcua.deciders import city_deciders
from services.runtime.core.stored import state_of
from services.runtime.testing import state_hash
from tests.support.eventually import eventually
from tests.support.importing import begin_import, rest
from tests.support.office import Office
from tests.support.paths import ROOT
from tests.support.secured import mongo_client

pytestmark = [pytest.mark.integration, pytest.mark.slow]

DATA = ROOT / "tests" / "data" / "imports"
PERMITS = os.environ.get("MOTCUA_PERMITS")
CASES = 3_000
"""Enough for six batches, so that there is a middle to be interrupted in."""


@pytest.fixture(scope="module")
def mongo(endpoints: Endpoints) -> Iterator[MongoClient[dict[str, Any]]]:
    mongo: MongoClient[dict[str, Any]] = mongo_client(endpoints.mongo, tz_aware=True)
    with mongo:
        yield mongo


def _import(city: City, file: Path | str, mapping: Path, *more: str) -> tuple[int, str]:
    process = begin_import(city, file, mapping, *more)
    said, _ = process.communicate(timeout=60)
    return process.returncode, said


def _sent(said: str) -> tuple[int, int]:
    found = re.search(r"([\d,]+) facts sent; ([\d,]+) traces were sent before", said)
    assert found is not None, said
    return int(found[1].replace(",", "")), int(found[2].replace(",", ""))


def _states(mongo: MongoClient[dict[str, Any]], prefix: str) -> dict[str, dict[str, str]]:
    """By service and dossier: the hash of the state."""
    found = {}
    for decider in city_deciders():
        documents = mongo[f"motcua_{decider.name}"][decider.collection].find(
            {"_id": {"$regex": f"^{re.escape(prefix)}"}}
        )
        found[decider.name] = {
            d["_id"]: state_hash(state_of(d, decider.state_type)) for d in documents
        }
    return found


def _all_know(mongo: MongoClient[dict[str, Any]], prefix: str, count: int) -> None:
    """Waits until every service knows so many dossiers, and has read all that was sent."""
    query = {"_id": {"$regex": f"^{re.escape(prefix)}"}}

    def known() -> bool:
        return all(
            mongo[f"motcua_{s}"]["dossiers"].count_documents(query) == count for s in SERVICES
        )

    eventually(known, timeout=40, what=f"{count} dossiers {prefix}")


def test_an_imported_log_is_the_same_in_all_services_and_twice_adds_nothing(
    city: City, office: Office, mongo: MongoClient[dict[str, Any]], tmp_path: Path
) -> None:
    log = tmp_path / "land.xes"
    log.write_bytes((DATA / "land.xes").read_bytes())
    code, said = _import(city, log, DATA / "land.toml")
    facts, before = _sent(said)
    assert facts > 0
    assert before == 0
    assert code in (0, 1)  # 1: the sample has a trace that cannot be told, and the report says so
    listed = eventually(
        lambda: [
            i
            for i in office.get("intake", "/dossiers", agency="H29.15", limit=500).json()["items"]
            if (i["legacy_id"] or "").startswith("case ")
        ],
        what="imported dossiers",
    )
    for item in listed:
        office.agrees(item["code"], item["status_name"])
    rest(office)
    states = {item["code"]: _states(mongo, item["code"]) for item in listed}

    again, said = _import(city, log, DATA / "land.toml")
    assert again == code  # what was left out is still left out
    assert "was imported by this mapping before" in said
    assert "Nothing was sent" in said

    # Another file, though it says the same: all is sent again, and everyone knows it already.
    log.write_bytes(log.read_bytes() + b"\n")
    duplicates = office.metric("intake", "motcua_events_total", outcome="duplicate")
    _, said = _import(city, log, DATA / "land.toml")
    assert _sent(said) == (facts, 0)
    eventually(
        lambda: office.metric("intake", "motcua_events_total", outcome="duplicate") > duplicates
    )
    rest(office)
    assert {item["code"]: _states(mongo, item["code"]) for item in listed} == states
    assert "Differ from" not in said

    # A later delivery: one event says something else than before, and one is new.
    text = log.read_text().replace("telephone call", "letter", 1)
    approved = text.index("</trace>")
    event = (
        '<event><string key="concept:name" value="archived"/>'
        '<date key="time:timestamp" value="2024-03-13T08:00:00+07:00"/></event>'
    )
    log.write_text(text[:approved] + event + text[approved:])
    ended, said = _import(city, log, DATA / "land.toml")
    assert ended == 1
    assert "Differ from what was told before: 1 fact of 1 case. They were not changed." in said
    assert _sent(said) == (facts, 0)  # one is not sent, and one is new
    rest(office)
    codes = [item["code"] for item in listed]
    open_still = {"_id": {"$in": codes}, "state.history": {"$ne": False}}
    assert [mongo[f"motcua_{s}"]["dossiers"].count_documents(open_still) for s in SERVICES] == [
        0
    ] * 4


def test_an_import_that_is_killed_goes_on_where_it_was(
    city: City, office: Office, mongo: MongoClient[dict[str, Any]], tmp_path: Path
) -> None:
    rows = [f"A-{n};05/03/2024 {8 + n % 8:02}:00;file;" for n in range(10_000, 10_000 + CASES)]
    log = tmp_path / "many.csv"
    log.write_text("case_id;when;what;note\n" + "\n".join(rows) + "\n")
    mapping = tmp_path / "counter.toml"
    # An agency of its own, so that its dossiers can be told from others'.
    mapping.write_text((DATA / "counter.toml").read_text().replace("H29.15", "H29.14"))

    process = begin_import(city, log, mapping)
    imports = mongo["motcua_intake"]["imports"]
    deadline = time.monotonic() + 30
    while (noted := imports.find_one({"file": "many.csv"})) is None:
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()[0]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    noted = imports.find_one({"file": "many.csv"})
    assert noted is not None
    assert 0 < noted["traces"] < CASES
    assert not noted["finished"]

    code, said = _import(city, log, mapping)
    assert code == 0, said
    facts, before = _sent(said)
    assert before >= noted["traces"]
    assert facts >= CASES - before
    _all_know(mongo, "H29.14-240305-", CASES)
    rest(office)
    first = f"H29.14-240305-{10_000}"
    assert office.view("intake", first)["legacy_id"] == "A-10000"
    assert {office.view(s, first)["status_name"] for s in SERVICES} == {"received"}
    period = {"since": "2024-03-04T17:00:00Z", "until": "2024-03-05T17:00:00Z"}
    balances = [office.get(s, "/balance", **period).json() for s in SERVICES]
    assert balances == [balances[0]] * len(SERVICES)
    assert balances[0]["received"] >= CASES


@pytest.mark.permits
@pytest.mark.skipif(PERMITS is None, reason="MOTCUA_PERMITS names no log")
def test_the_permit_log_is_the_same_in_all_services(
    city: City, office: Office, mongo: MongoClient[dict[str, Any]]
) -> None:
    assert PERMITS is not None
    mapping = ROOT / "deploy" / "imports" / "permits.toml"
    code, said = _import(city, PERMITS, mapping, "--limit", "300")
    assert code == 0, said
    facts, before = _sent(said)
    assert before == 0
    assert facts > 300
    _all_know(mongo, "T01-", 300)
    rest(office)
    codes = sorted(_states(mongo, "T01-")["intake"])
    for dossier in codes[::30]:
        assert len({office.view(s, dossier)["status_name"] for s in SERVICES}) == 1
    assert _sent(_import(city, PERMITS, mapping, "--limit", "300")[1]) == (0, 300)
