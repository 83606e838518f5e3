"""A city that migrates keeps the dates that its older system has promised.

The permit log, with a date made up for each case, is delivered three times as it grows, and each
import is killed once. What becomes of the dates is counted from the raw file, by code that shares
nothing with the product.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import random
import re
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pymongo import MongoClient

from deploy.local.stack.city import City
from deploy.local.stack.endpoints import Endpoints
from motcua.replay import replay
from motcua.replay.header import Selection
from services.runtime import state_hash, state_of
from services.sla.dossier.state import Sla
from tests.support.eventually import eventually
from tests.support.importing import begin_import, rest
from tests.support.office import OFFICER, Office
from tests.support.recorded import record_live
from tests.support.secured import mongo_client

PERMITS = os.environ.get("MOTCUA_PERMITS")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.permits,
    pytest.mark.slow,
    pytest.mark.skipif(PERMITS is None, reason="MOTCUA_PERMITS names no log"),
]

DELIVERED = ("2017-12-01T00:00:00+01:00", "2018-09-01T00:00:00+02:00", "2099-01-01T00:00:00+00:00")
"""Up to when each delivery goes."""
SUBMITTED, APPROVED = "Permit SUBMITTED by EMPLOYEE", "Permit FINAL_APPROVED by"
MAPPING = """
[source]
name = "permits-growing"
format = "xes"
agency = "T02"
number = '^travel permit (?P<value>\\d+)$'

[filing]
procedure = "TP.001"
channel = "online"
level = "full"
receiving_unit = "T01"
handling_unit = "T01"
returning_unit = "T01"
place = "00000"
citizen = "growing-{number}"
officer = "cb-t1-0002"

[promise]
due = "{case:deadline}"

[[rules]]
activity = "Permit SUBMITTED by EMPLOYEE"
state = ["none"]
emit = [{ fact = "DossierReceived" }, { fact = "DossierRouted" }]

[[rules]]
activity = "Permit FINAL_APPROVED by *"
state = ["received", "in-process"]
emit = [{ fact = "DossierProcessed", outcome = "granted" }]
"""


class Case(NamedTuple):
    """One case of the raw file."""

    name: str
    raw: str
    events: list[tuple[datetime, str, str]]
    deadline: datetime | None

    @property
    def received(self) -> datetime:
        return next(time for time, what, _ in self.events if what == SUBMITTED)

    @property
    def verdict(self) -> str:
        """What became of its date."""
        ends = [t for t, what, _ in self._after_reception() if what.startswith(APPROVED)]
        if self.deadline is None:
            return "unjudged"
        if not ends:
            return "open, late"  # every date has passed by now
        return "late" if ends[0] > self.deadline else "on time"

    def _after_reception(self) -> list[tuple[datetime, str, str]]:
        first = next(n for n, (_, what, _) in enumerate(self.events) if what == SUBMITTED)
        return self.events[first:]


def raw_cases() -> Iterator[Case]:
    """The cases that were submitted, each with a date that its name draws; a tenth have none."""
    assert PERMITS is not None
    text = gzip.decompress(Path(PERMITS).read_bytes()).decode()
    for trace in re.findall(r"<trace>(.*?)</trace>", text, re.DOTALL):
        name = re.search(r'key="concept:name" value="([^"]*)"', trace)
        assert name is not None
        events = []
        for event in re.findall(r"<event>.*?</event>", trace, re.DOTALL):
            at = re.search(r'key="time:timestamp" value="([^"]*)"', event)
            what = re.search(r'key="concept:name" value="([^"]*)"', event)
            assert at is not None
            assert what is not None
            events.append((datetime.fromisoformat(at[1]), what[1], event))
        events.sort(key=lambda event: event[0])
        submitted = [time for time, what, _ in events if what == SUBMITTED]
        if not submitted:
            continue
        draw = random.Random(f"a date for {name[1]}")
        days = timedelta(seconds=draw.randrange(3_600, 15 * 86_400))
        deadline = None if draw.random() < 0.1 else submitted[0] + days
        yield Case(name[1], trace, events, deadline)


def delivery(cases: list[Case], until: datetime) -> str:
    """The log as it was exported at that time."""
    traces = []
    for case in cases:
        told = [raw for time, _, raw in case.events if time <= until]
        if case.received > until:
            continue
        date = (
            f'<date key="deadline" value="{case.deadline.isoformat()}"/>' if case.deadline else ""
        )
        name = f'<string key="concept:name" value="{case.name}"/>'
        traces.append(f"<trace>{name}{date}{''.join(told)}</trace>")
    return f'<log xes.version="1.0">{"".join(traces)}</log>'


@pytest.fixture(scope="module")
def mongo(endpoints: Endpoints) -> Iterator[MongoClient[dict[str, Any]]]:
    mongo: MongoClient[dict[str, Any]] = mongo_client(endpoints.mongo, tz_aware=True)
    with mongo:
        yield mongo


def _verdict(state: dict[str, Any], now: datetime) -> str:
    """What sla says of a dossier's date."""
    judged, ended = state.get("assessment"), state["span"].get("ended_at")
    if judged is None:
        return "unjudged" if state["unjudged"] == "no-promise" else "unknown"
    breach = judged.get("breach_at")
    late = breach is not None and breach < (ended or now)
    if ended is None:
        return "open, late" if late else "open"
    return "late" if late else "on time"


def test_the_dates_are_kept_or_missed_as_the_raw_file_has_it(
    city: City, office: Office, mongo: MongoClient[dict[str, Any]], tmp_path: Path
) -> None:
    cases = list(raw_cases())
    mapping = tmp_path / "growing.toml"
    mapping.write_text(MAPPING, encoding="utf-8")
    imports = mongo["motcua_intake"]["imports"]
    killed_in_the_middle = 0
    for number, until in enumerate(DELIVERED):
        log = tmp_path / f"delivery-{number}.xes"
        log.write_text(delivery(cases, datetime.fromisoformat(until)), encoding="utf-8")
        process = begin_import(city, log, mapping)
        eventually(
            lambda log=log, process=process: (  # type: ignore[misc]
                imports.find_one({"file": log.name}) or process.poll() is not None
            ),
            timeout=60,
            what="a part of the import",
        )
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed_in_the_middle += not imports.find_one({"file": log.name})["finished"]  # type: ignore[index]
        process = begin_import(city, log, mapping)
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
    assert killed_in_the_middle > 0, "no kill came in time"
    rest(office, timeout=120.0)

    wanted = Counter(case.verdict for case in cases)
    assert wanted.keys() == {"late", "on time", "open, late", "unjudged"}
    found = mongo["motcua_sla"]["dossiers"].find({"_id": {"$regex": "^T02-"}})
    now = datetime.now().astimezone()
    states = {document["_id"]: document["state"] for document in found}
    assert Counter(_verdict(state, now) for state in states.values()) == wanted

    # Whose case is open is told what happens from now on.
    assert not any(state["history"] for state in states.values())
    notified = mongo["motcua_notify"]["dossiers"]
    past = {"_id": {"$regex": "^T02-"}, "state.history": True}
    assert notified.count_documents(past) == 0
    code = next(c for c, state in states.items() if state["span"].get("ended_at") is None)
    office.does(
        "intake",
        code,
        "supplement-demand",
        {"documents": ["a ticket"], "reason": "it is missing", "by": OFFICER},
    )

    def told() -> list[Any]:
        messages = office.view("notify", code).get("messages", [])
        return [m for m in messages if m["template"] == "supplement-demanded"]

    (message,) = eventually(told, what="a message to the citizen")
    assert "historical" not in str(message["outcome"])

    # And a developer gets all of it along, and comes to the same.
    rest(office)
    recorded = tmp_path / "permits.jsonl.gz"
    selection = Selection(procedure="TP.001")
    assert asyncio.run(record_live(city, recorded, selection, aliases=None)) == []
    done = replay(recorded)
    assert done.partings == []
    kept = mongo["motcua_sla"]["dossiers"].find({"_id": {"$regex": "^T02-"}})
    live = {document["_id"]: state_hash(state_of(document, Sla)) for document in kept}
    assert {subject: h for (key, subject), h in done.hashes.items() if key == "sla"} == live
