"""Sla with other rules, as a process: what moves, what is taken back, what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from contracts.events import sla
from contracts.events.sla import MoveCause, RetractionCause
from contracts.model import EventData
from contracts.values import to_utc_millis
from contracts.wire.codec import decode
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS
from deploy.local.stack.city import City, Instance
from deploy.local.stack.stack import Stack
from services.runtime.kafka.producer import EventProducer
from services.runtime.kafka.topics import create_topics
from services.runtime.settings import Settings
from services.shared.working_time import load_calendars
from tests.support.eventually import eventually
from tests.support.fork_server import fork
from tests.support.office import Office
from tests.support.rules import Folder, begun, day_of, processed
from tests.support.stage import read_topic

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("apart"), "apart", die_with_parent=True)
    stack.up()
    asyncio.run(create_topics(Settings(kafka=stack.endpoints().kafka, partitions=4)))
    yield stack
    stack.reset()


@dataclass
class Service:
    """Sla, and what can be seen of it."""

    city: City
    office: Office
    folder: Folder

    def start(self) -> Instance:
        instance = self.city.start("sla", calendars=self.folder.path)
        self.city.wait_ready()
        return instance

    def declare(self, *days: date) -> None:
        """Declares these days off, and no others; returns when that is in force."""
        self.folder.days_off(*days)
        calendar = load_calendars(self.folder.path).version
        eventually(
            lambda: self.office.metric("sla", "motcua_sla_rules_in_force", calendar=calendar),
            what=f"{calendar} in force",
        )

    def put(self, *events: Event) -> None:
        async def put() -> None:
            producer = EventProducer(self.city.endpoints.kafka)
            await producer.start()
            await producer.publish(events)
            await producer.stop()

        asyncio.run(put())

    def due(self, code: str) -> datetime | None:
        due = self.office.view("sla", code).get("due")
        return datetime.fromisoformat(due) if due else None

    def due_after(self, code: str, before: datetime) -> datetime:
        """The due time once it lies after that."""

        def moved() -> datetime | None:
            due = self.due(code)
            return due if due is not None and due > before else None

        found = eventually(moved, what=f"a due time after {before} of {code}")
        assert found is not None
        return found

    def said(self, code: str, *kinds: type[EventData]) -> list[Any]:
        """What stands on the log about a dossier, of these types."""
        records = asyncio.run(read_topic(self.city.endpoints.kafka, DOSSIER_EVENTS))
        events = [decode(r.key, r.value, r.headers) for r in records]
        return [e.data for e in events if e.subject == code and isinstance(e.data, kinds)]


@pytest.fixture(scope="module")
def service(apart: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    root = tmp_path_factory.mktemp("sla")
    with City(
        apart.endpoints(),
        root / "logs",
        launch=fork,
        partitions=4,
        session_timeout_ms=2000,
        timer_poll=0.1,
        rules_poll=0.1,
        count_poll=0.2,
    ) as city:
        office = Office(city)
        made = Service(city, office, Folder(root / "calendars"))
        made.start()
        yield made
        office.close()


def test_a_day_that_is_declared_off_moves_the_deadlines_of_dossiers_that_nothing_happens_to(
    service: Service,
) -> None:
    code = "H29.101-261123-0001"
    now = to_utc_millis(datetime.now(UTC))
    service.put(*begun(code, now))
    due = service.due_after(code, now)
    before = service.office.view("sla", code)["rule"]

    service.folder.days_off(day_of(due))
    moved = service.due_after(code, due)
    after = service.office.view("sla", code)["rule"]
    (applied,) = service.said(code, sla.RulesApplied)
    assert (applied.previous, applied.rule) == (before, after)
    (told,) = service.said(code, sla.DeadlineMoved)
    assert (told.previous, told.due, told.original) == (due, moved, due)
    assert (told.cause, told.rule) == (MoveCause.RULES_CHANGED, after)

    # And while it does not run.
    running = service.city.of("sla")
    assert service.city.leave(running) == 0
    service.folder.days_off(day_of(due), day_of(moved))
    service.start()
    again = service.due_after(code, moved)
    assert [m.due for m in service.said(code, sla.DeadlineMoved)] == [moved, again]
    assert len(service.said(code, sla.RulesApplied)) == 2

    # Started once more over the same files, it has nothing to say.
    assert service.city.leave(service.city.of("sla")) == 0
    service.start()
    service.put(*begun("H29.101-261123-0002", now))
    service.due_after("H29.101-261123-0002", now)
    assert len(service.said(code, sla.RulesApplied)) == 2


def test_a_broken_file_leaves_the_old_rules_in_force_and_is_named_until_it_is_mended(
    service: Service,
) -> None:
    code = "H29.101-261123-0003"
    now = to_utc_millis(datetime.now(UTC))
    service.declare()
    service.put(*begun(code, now))
    due = service.due_after(code, now)
    office, instance = service.office, service.city.of("sla")
    assert office.metric("sla", "motcua_sla_rule_files_in_force") == 1
    rejected = office.metric("sla", "motcua_sla_rules_rejected_total")
    rule = office.view("sla", code)["rule"]

    good = f'[[days]]\ndate = {day_of(due)}\nkind = "off"\nreason = "x"\nsource = "x"\n'
    service.folder.write(f"{good}\n[[days]]\ndate = {day_of(due)}\nkind = off\n")
    eventually(lambda: office.metric("sla", "motcua_sla_rule_files_in_force") == 0)
    assert office.metric("sla", "motcua_sla_rules_rejected_total") == rejected + 1
    said = instance.log.read_text()
    assert "overrides.toml: not TOML: Invalid value (at line 9, column 8)" in said
    assert "older rules stay in force" in said
    service.folder.write(f"{good}\n[[days]]\ndate = 2027-13-01\n")
    eventually(
        lambda: office.metric("sla", "motcua_sla_rules_rejected_total") == rejected + 2,
        what="another refusal",
    )
    service.folder.write(f"{good}\n[[days]]\nkind = 'on'\n")
    named = "line 7, [[days]] number 2, kind: Input should be 'off' or 'working'"
    eventually(lambda: named in instance.log.read_text(), what="line and entry")
    assert (service.due(code), office.view("sla", code)["rule"]) == (due, rule)
    assert office.get("sla", "/health/ready").status_code == 200

    service.folder.write(good)
    service.due_after(code, due)
    assert office.metric("sla", "motcua_sla_rule_files_in_force") == 1
    assert office.metric("sla", "motcua_sla_rules_in_force") == 1


def test_an_overdue_that_the_new_calendar_makes_wrong_is_taken_back_and_no_longer_counted(
    service: Service,
) -> None:
    code, unit = "H29.102-261123-0001", "H29.102"
    office = service.office
    now = to_utc_millis(datetime.now(UTC))
    service.declare()
    service.put(*begun(code, now - timedelta(days=14), unit=unit))
    eventually(lambda: office.view("sla", code).get("late"), what="overdue")
    alerts = {a["kind"] for a in office.view("sla", code)["alerts"]}
    assert {"DossierSoonDue", "ApologyOwed", "DossierOverdue"} <= alerts

    def counted(**wanted: int) -> bool:
        return all(
            office.metric("sla", f"motcua_sla_{name}_dossiers", unit=unit) == number
            for name, number in wanted.items()
        )

    late = {"overdue": 1, "late_without_letter": 1, "letters_owed": 1}
    eventually(lambda: counted(open=1, soon_due=0, **late), what="a late dossier")

    service.declare(*(day_of(now) - timedelta(days=n) for n in range(15)))
    service.due_after(code, now)
    eventually(lambda: not office.view("sla", code)["late"], what="a retraction")
    assert all(alert["retracted"] for alert in office.view("sla", code)["alerts"])
    taken_back = service.said(code, sla.AlertRetracted)
    assert {r.alert for r in taken_back} == alerts
    assert {r.cause for r in taken_back} == {RetractionCause.MOVED}
    retractions = office.metric("sla", "motcua_sla_retractions_total", alert="DossierOverdue")
    assert retractions >= 1
    nothing = dict.fromkeys(late, 0)
    eventually(lambda: counted(open=1, soon_due=0, **nothing), what="a dossier in time")

    service.put(processed(code, now))
    eventually(lambda: counted(open=0, **nothing), what="nothing open")
    assert f'unit="{unit}"' not in office.get("sla", "/metrics").text
