"""Rules and calendars that change while sla runs and while it does not."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contracts.catalogue import load_catalogue
from contracts.events import sla
from contracts.events.sla import MoveCause, RetractionCause
from contracts.model import EventData
from contracts.values import to_utc_millis
from contracts.wire.codec import decode
from contracts.wire.envelope import Event, derive_id
from contracts.wire.topics import DOSSIER_EVENTS
from deploy.local.stack.city import City, Instance
from deploy.local.stack.stack import Stack
from services.runtime.core.handle import fire_timers, handle, set_due
from services.runtime.core.stored import Hold, Stored
from services.runtime.kafka.producer import EventProducer
from services.runtime.kafka.topics import create_topics
from services.runtime.loop.clock import StreamClock, WallClock
from services.runtime.loop.engine import Engine
from services.runtime.mongo.client import client, pymongo_client
from services.runtime.mongo.store import Fenced, Store
from services.runtime.settings import Settings
from services.sla import metrics
from services.sla.deciding.decider import SlaDecider
from services.sla.deciding.rules import Rules
from services.sla.dossier.state import Sla
from services.sla.figures.gauges import count
from services.sla.figures.open_dossiers import judged_by_others, prepare
from services.sla.in_force.files import RuleFiles
from services.sla.in_force.register import Register
from services.sla.in_force.watch import InForce, lenient
from services.sla.rulebook import book as rule_book
from services.sla.settings import SlaSettings
from services.sla.toml_file import FileError
from services.sla.working_time import DATA, load_calendars
from tests.support import facts
from tests.support.event import event
from tests.support.eventually import eventually, soon
from tests.support.facts import received, routed
from tests.support.fork_server import fork
from tests.support.office import MARITAL_STATUS, WARD_UNIT, Office
from tests.support.stage import MORNING, Actor, Stage, a_stage, code_of, read_topic

pytestmark = pytest.mark.integration

VIETNAM = timedelta(hours=7)
CODE = code_of(1)


def begun(
    code: str, at: datetime, procedure: str = MARITAL_STATUS, unit: str = WARD_UNIT
) -> list[Event]:
    """The facts that give a dossier its deadline."""
    route = routed(unit, procedure, "short", steps=("verify", "sign"))
    return [fact(code, at, received(procedure, unit)), fact(code, at, route)]


def fact(code: str, at: datetime, data: EventData) -> Event:
    return event(data, at, code, id=derive_id("test", code, data.TYPE))


def processed(code: str, at: datetime) -> Event:
    return fact(code, at, facts.processed(WARD_UNIT))


def day_of(time: datetime) -> date:
    """The day in Vietnam."""
    return (time.astimezone(UTC) + VIETNAM).date()


class Folder:
    """A folder of calendars that a test changes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        shutil.copy(DATA / "office_hours.toml", path)
        self.days_off()

    def days_off(self, *days: date) -> None:
        """Declares these days off, and no others."""
        self.write(
            "\n".join(
                f'[[days]]\ndate = {day}\nkind = "off"\nreason = "Nghỉ"\nsource = "a test"\n'
                for day in days
            )
        )

    def write(self, overrides: str) -> None:
        """Replaces the overrides in one go, as an editor does."""
        fresh = self.path / "overrides.new"
        fresh.write_text(overrides, encoding="utf-8")
        fresh.replace(self.path / "overrides.toml")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "calendars")


# -- sla as a process, on a stack of its own: its group has no other instance ---------------


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


# -- instances in this process, on a log of a test's own ------------------------------------


def clerk(stage: Stage, actor: Actor, folder: Folder) -> InForce:
    """What keeps the files in that folder in force on an instance."""
    files = RuleFiles(SlaSettings(calendars=folder.path), load_catalogue())
    return InForce(actor.engine, files, Register(stage.database["rules"]))


def sla_of(stage: Stage, folder: Folder) -> SlaDecider:
    """Sla's decisions, as they are when the service is started."""
    rules = RuleFiles(SlaSettings(calendars=folder.path), load_catalogue()).read()
    decider: SlaDecider = stage.cast(SlaDecider(lenient(rules)))
    return decider


async def judged(stage: Stage, decider: SlaDecider) -> dict[str, str | None]:
    """By which rules each dossier is judged."""
    return {code: state.rule async for code, state in stage.store(decider).states()}


async def applied(stage: Stage) -> Counter[str]:
    """How often each dossier was judged anew, by what stands on the log; each id counts once."""
    return Counter(code for code, name, _ in await stage.facts() if name == "RulesApplied")


async def test_while_two_instances_have_different_files_no_dossier_goes_back_and_forth(
    settings: Settings, tmp_path: Path
) -> None:
    old, new = Folder(tmp_path / "old"), Folder(tmp_path / "new")
    new.days_off(date(2030, 1, 2))
    now = to_utc_millis(datetime.now(UTC))
    codes = [code_of(n) for n in range(40)]
    async with a_stage(settings, partitions=4) as stage:
        decider = sla_of(stage, old)
        first = await stage.act(decider, timer_poll=0.02, timer_batch=3)
        of_old = clerk(stage, first, old)
        await of_old.look()
        await stage.put(*(event for code in codes for event in begun(code, now)))
        await stage.rest()
        (by_old,) = set((await judged(stage, decider)).values())

        second = await stage.act(sla_of(stage, new), timer_poll=0.02, timer_batch=3)

        async def divided() -> bool:
            return len(first.engine.ownership.owned) == len(second.engine.ownership.owned) == 2

        await soon(divided, what="an even share")
        of_new = clerk(stage, second, new)
        await of_new.look()
        await of_old.look()
        (sample,) = (s for family in metrics.RULES_IN_FORCE.collect() for s in family.samples)
        calendar = decider.rules.calendars.version
        assert (sample.labels["calendar"], sample.value) == (calendar, 0), "it knows that it is old"
        theirs = second.engine.ownership.owned

        async def settled(partitions: set[int]) -> bool:
            store = stage.store(decider)
            waiting = {"p": {"$in": sorted(partitions)}, "state.rule": by_old}
            return await store.collection.count_documents(waiting) == 0

        await soon(lambda: settled(theirs), what="the new rules")
        found = await judged(stage, decider)
        by_new = next(rule for rule in found.values() if rule != by_old)
        assert {by_old, by_new} == set(found.values())
        once = {code for code, rule in found.items() if rule == by_new}

        # Its partitions are taken over by the one with the old files.
        await second.leave()
        await soon(lambda: _owns(first.engine, 4), what="all partitions")
        await of_old.look()
        past = {"due": {"$lte": datetime.now(UTC)}}
        assert await stage.store(decider).collection.count_documents(past) == 0
        assert await judged(stage, decider) == found

        # And when it has the new files too, the rest is judged by them.
        old.days_off(date(2030, 1, 2))
        await of_old.look()
        await soon(lambda: settled({0, 1, 2, 3}), what="the new rules everywhere")
        await stage.rest()
        assert set((await judged(stage, decider)).values()) == {by_new}
        assert await applied(stage) == Counter(codes)
        assert 0 < len(once) < len(codes)


async def _owns(engine: Engine[Any], partitions: int) -> bool:
    return len(engine.ownership.owned) == partitions


class _Died(Exception):
    pass


class _DiesBeforeWriting:
    """A process that ends once what its timers say is on the log, and in no state."""

    def passing(self, point: str) -> None:
        if point == "timers-published":
            raise _Died


async def test_what_an_instance_said_that_died_before_it_was_written_down_has_one_id_for_ever(
    settings: Settings, folder: Folder
) -> None:
    now = to_utc_millis(datetime.now(UTC))
    async with a_stage(settings) as stage:
        decider = sla_of(stage, folder)
        first = await stage.act(decider, timer_poll=600)
        in_force = clerk(stage, first, folder)
        await in_force.look()
        await stage.put(*begun(CODE, now))
        await stage.rest()
        due = (await stage.subject(CODE, decider)).state.due_told
        folder.days_off(day_of(due))
        await in_force.look()
        first.engine.faults.passing = _DiesBeforeWriting().passing  # type: ignore[method-assign]
        with pytest.raises(_Died):
            await first.engine.timers.fire_due({0: datetime.now(UTC) + timedelta(seconds=1)})
        await first.leave()

        second = await stage.act(sla_of(stage, folder), timer_poll=0.02)
        await clerk(stage, second, folder).look()
        await stage.rest()

        async def moved() -> bool:
            return bool((await stage.subject(CODE, decider)).state.due_told > due)

        await soon(moved, what="the new date")
        await stage.rest()
        by_id = Counter(name for _, name, _ in await stage.facts())
        assert by_id == {"DeadlineSet": 1, "RulesApplied": 1, "DeadlineMoved": 1}
        assert len((await stage.subject(CODE, decider)).state.deadlines) == 2


async def test_a_rule_book_that_is_changed_without_a_new_version_is_rejected(
    settings: Settings, tmp_path: Path
) -> None:
    shutil.copytree(rule_book.DATA, tmp_path / "rules")
    book = tmp_path / "rules" / "rules.toml"
    text = book.read_text(encoding="utf-8")
    changed = text.replace("notice_working_hours = 8", "notice_working_hours = 16")
    async with a_stage(settings) as stage:
        files = RuleFiles(SlaSettings(rules=tmp_path / "rules"), load_catalogue())
        decider = stage.cast(SlaDecider(lenient(files.read())))
        engine = Actor(stage, decider, WallClock()).engine

        def started_anew() -> InForce:
            again = RuleFiles(SlaSettings(rules=tmp_path / "rules"), load_catalogue())
            return InForce(engine, again, Register(stage.database["rules"]))

        in_force = InForce(engine, files, Register(stage.database["rules"]))
        await in_force.look()
        before = decider.rules
        assert type(before) is Rules
        book.write_text(changed, encoding="utf-8")
        await in_force.look()
        await in_force.look()
        assert decider.rules is before
        assert metrics.RULE_FILES_IN_FORCE._value.get() == 0
        with pytest.raises(FileError, match="still have the version '2025-1'"):
            await started_anew().look()  # which has nothing older to fall back on

        book.write_text(changed.replace("2025-1", "2026-1"), encoding="utf-8")
        await in_force.look()
        assert decider.rules.book.version == "2026-1"
        assert decider.rules.since > before.since
        assert metrics.RULE_FILES_IN_FORCE._value.get() == 1

        book.write_text("[apology]", encoding="utf-8")
        with pytest.raises(FileError, match=r"rules\.toml: version: Field required"):
            await started_anew().look()


class _FailsOnce:
    """The broker is away for a moment after a batch was published; new files come meanwhile."""

    def __init__(self, in_force: InForce, folder: Folder) -> None:
        self._in_force = in_force
        self._folder = folder
        self.looking: asyncio.Task[None] | None = None

    def passing(self, point: str) -> None:
        if point == "published" and self.looking is None:
            self._folder.days_off(date(2030, 1, 2))
            self.looking = asyncio.create_task(self._in_force.look())
            raise ConnectionError("the broker is away")


async def test_a_batch_that_is_tried_again_is_decided_by_the_rules_that_it_began_with(
    settings: Settings, folder: Folder
) -> None:
    now = to_utc_millis(datetime.now(UTC))
    async with a_stage(settings) as stage:
        decider = sla_of(stage, folder)
        # Long enough to read the files, and to put them in force if nothing held that back.
        actor = await stage.act(decider, timer_poll=600, retry_first=0.5)
        in_force = clerk(stage, actor, folder)
        await in_force.look()
        before = decider.rules
        faults = _FailsOnce(in_force, folder)
        actor.engine.faults.passing = faults.passing  # type: ignore[method-assign]
        await stage.put(*begun(CODE, now))
        await stage.rest()
        assert faults.looking is not None
        await faults.looking
        assert decider.rules.calendars != before.calendars
        await stage.rest()
        events = [decode(r.key, r.value, r.headers) for r in await stage.log()]
        said = [e for e in events if isinstance(e.data, sla.DeadlineSet)]
        assert len(said) == 2, "it was tried again"
        assert {(e.id, e.data.rule) for e in said} == {(said[0].id, before.rule(MARITAL_STATUS))}  # type: ignore[attr-defined]


async def test_by_the_stream_clock_new_rules_hold_from_the_tick_that_they_were_read_at(
    settings: Settings, folder: Folder
) -> None:
    async with a_stage(settings) as stage:
        decider = sla_of(stage, folder)
        actor = await stage.act(decider, StreamClock())
        in_force = clerk(stage, actor, folder)
        await stage.put(*begun(CODE, MORNING))
        await stage.rest()
        await in_force.look()
        register = stage.database["rules"]
        assert await register.count_documents({}) == 0, "no tick, no time"

        await stage.tick(MORNING + timedelta(minutes=1))
        await stage.rest()
        await in_force.look()
        before = (await stage.subject(CODE, decider)).state
        folder.days_off(day_of(before.due_told))
        await in_force.look()
        await stage.rest()
        assert await applied(stage) == Counter()
        await stage.tick(MORNING + timedelta(minutes=2))
        await stage.rest()
        state = (await stage.subject(CODE, decider)).state
        assert state.due_told > before.due_told
        assert state.deadlines[-1].at == MORNING + timedelta(minutes=1, milliseconds=1)
        assert await applied(stage) == Counter([CODE])


# -- what stands in the database -------------------------------------------------------------


@pytest.fixture(params=["motor", "pymongo"])
async def mongo(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[Any]:
    """A client of either kind."""
    if request.param == "motor":
        motor = client(settings.mongo)
        yield motor
        motor.close()
    else:
        async with pymongo_client(settings.mongo) as pymongo:
            yield pymongo


@pytest.fixture
async def anew(mongo: Any) -> AsyncIterator[Any]:
    name = f"rules_{uuid.uuid4().hex[:10]}"
    yield mongo[name]
    await mongo.drop_database(name)


@pytest.fixture
def rules(folder: Folder) -> Rules:
    return replace(read(folder), since=MORNING)


def read(folder: Folder) -> Rules:
    return RuleFiles(SlaSettings(calendars=folder.path), load_catalogue()).read()


def with_other_calendars(rules: Rules) -> Rules:
    return replace(rules, calendars=replace(rules.calendars, version="other"))


def with_another_budget(rules: Rules) -> Rules:
    """The catalogue gives one procedure the standard time of another."""
    procedures = dict(rules.catalogue.procedures)
    one = procedures[MARITAL_STATUS]
    other = next(p for p in procedures.values() if p.budget != one.budget)
    procedures[MARITAL_STATUS] = one.model_copy(update={"budget": other.budget})
    return replace(rules, catalogue=replace(rules.catalogue, procedures=procedures))


def dossiers(rules: Rules) -> list[Stored[Sla]]:
    """One of each sort, for every procedure and for one that the catalogue lacks."""
    decider = SlaDecider(rules)
    found: list[Stored[Sla]] = []
    for procedure in [*rules.catalogue.procedures, "9.999999"]:
        whole = begun("", MORNING, procedure)
        stop = fact("", MORNING, facts.STOPPED)
        imported = [msgspec.structs.replace(event, history=True) for event in whole]
        for story in (
            whole,
            [*whole, stop],
            [*whole, processed("", MORNING)],
            whole[:1],
            whole[1:],
            imported,
        ):
            stored: Stored[Sla] = Stored(code_of(len(found)), len(found) % 3, Sla())
            for told in story:
                handle(decider, stored, told)
            set_due(decider, stored)
            found.append(stored)
    return found


def waits_for(rules: Rules, stored: Stored[Sla]) -> bool:
    """Whether the partition's clock is to have it judged by these rules."""
    timer = SlaDecider(rules).timer(stored.state)
    return rules.outdated(stored.state) and timer is not None and not timer.own_time


async def test_the_query_finds_what_waits_to_be_judged_by_the_rules(
    anew: Any, rules: Rules
) -> None:
    store = Store(anew["dossiers"], Sla)
    await prepare(store.collection)
    await prepare(store.collection)  # again is a no-op
    everything = dossiers(rules)
    await store.persist(everything)
    for others in (rules, with_other_calendars(rules), with_another_budget(rules)):
        wanted = {s.subject for s in everything if waits_for(others, s)}
        assert bool(wanted) is (others is not rules)
        query = judged_by_others(others)
        assert {code async for code, _ in store.states(query)} == wanted


async def test_when_all_are_judged_by_the_rules_in_force_the_index_alone_says_so(
    anew: Any, rules: Rules
) -> None:
    store = Store(anew["dossiers"], Sla)
    await store.prepare()
    await prepare(store.collection)
    everything = dossiers(rules)
    for copy in range(20):
        for number, stored in enumerate(everything):
            stored.subject, stored.v = code_of(copy * len(everything) + number), 0
        await store.persist(everything)
    asked = {"find": "dossiers", "filter": {"p": 1, **judged_by_others(rules)}}
    explained = await anew.command("explain", asked, verbosity="executionStats")
    assert explained["executionStats"]["totalDocsExamined"] == 0


async def test_what_is_woken_is_looked_at_in_time_and_fences_off_who_does_not_know(
    anew: Any, rules: Rules
) -> None:
    others = with_other_calendars(rules)
    store = Store(anew["dossiers"], Sla)
    await store.prepare()
    await prepare(store.collection)
    open_ones = [s for s in dossiers(rules) if waits_for(others, s)]
    held, earlier, *rest = open_ones
    held.hold = Hold(1, 1, "bad-body", "it was none")
    held.due = None
    earlier.due = MORNING - timedelta(days=1)
    await store.persist(open_ones)
    query = judged_by_others(others)

    found = await store.asleep(query, MORNING)
    assert sorted(found) == [s.subject for s in rest]
    await store.wake([held.subject, earlier.subject, *found], MORNING)
    assert await store.asleep(query, MORNING) == []
    await store.wake(found, MORNING)  # again is a no-op
    due = {s.subject: s.due for s in (await store.load([s.subject for s in open_ones])).values()}
    assert due == {
        held.subject: None,
        earlier.subject: earlier.due,
        **{s.subject: MORNING for s in rest},
    }
    with pytest.raises(Fenced):
        await store.persist([rest[0]])
    await store.persist([held, earlier])  # which nobody touched

    # What is looked at says what it has to, and is not woken again.
    decider = SlaDecider(others)
    looked_at = await store.due({0, 1, 2}, MORNING + timedelta(hours=1), 1000)
    for stored in looked_at:
        fire_timers(decider, stored, MORNING + timedelta(hours=1))
        set_due(decider, stored)
    await store.persist(looked_at)
    assert await store.asleep(query, MORNING) == []
    assert [s.subject for s in await store.due({0, 1, 2}, MORNING + timedelta(hours=1), 9)] == []


async def test_rules_are_in_force_since_one_time_whoever_asks_and_however_often(
    anew: Any, rules: Rules
) -> None:
    register, elsewhere = Register(anew["rules"]), Register(anew["rules"])
    others = with_other_calendars(rules)
    assert await register.since(rules) is None
    assert await register.enter(rules, MORNING) == MORNING
    later = MORNING + timedelta(hours=1)
    assert await elsewhere.enter(rules, later) == await elsewhere.since(rules) == MORNING

    assert await elsewhere.enter(others, later) == later
    assert await register.since(rules) is None
    # Whoever goes back does it at a time of its own, even if the clock has not moved.
    back = later + timedelta(milliseconds=1)
    assert await register.enter(rules, later) == await register.since(rules) == back

    entered = await asyncio.gather(*(Register(anew["rules"]).enter(others, back) for _ in "1234"))
    assert set(entered) == {await register.since(others)}


async def test_other_rules_under_the_same_version_are_refused_with_the_remedy(
    anew: Any, rules: Rules
) -> None:
    register = Register(anew["rules"])
    await register.enter(rules, MORNING)
    apology = rules.book.apology.model_copy(update={"notice_working_hours": 16})
    same_name = replace(rules, book=rules.book.model_copy(update={"apology": apology}))
    with pytest.raises(FileError, match="still have the version '2025-1': give them another"):
        await register.enter(same_name, MORNING)
    other_name = same_name.book.model_copy(update={"version": "2026-1"})
    await register.enter(replace(same_name, book=other_name), MORNING)
    # How figures are drawn is no part of what a dossier is judged by.
    figures = rules.book.figures.model_copy(update={"freeze_after_days": 9})
    drawn = replace(rules, book=rules.book.model_copy(update={"figures": figures}))
    await register.enter(drawn, MORNING)


async def test_the_gauges_count_what_the_states_say_of_the_partitions_asked_for(
    anew: Any, rules: Rules
) -> None:
    decider = SlaDecider(rules)
    store = Store(anew["dossiers"], Sla)
    everything = dossiers(rules)
    for number, stored in enumerate(everything):
        fire_timers(decider, stored, MORNING + timedelta(days=number % 11))
    await store.persist(everything)
    assert any(s.state.late for s in everything)
    for partitions in ({0, 1, 2}, {1}, set[int]()):
        mine = [
            s.state
            for s in everything
            if s.partition in partitions and s.state.span.received_at and not s.state.span.ended_at
        ]
        standing = [{a.kind for a in s.alerts if not a.retracted} for s in mine]
        found = await count(store.collection, partitions)
        assert {name: sum(of_units.values()) for name, of_units in found.items()} == {
            "open": len(mine),
            "soon_due": sum(
                "DossierSoonDue" in kinds and "DossierOverdue" not in kinds for kinds in standing
            ),
            "overdue": sum(state.late for state in mine),
            "late_without_letter": sum(state.letter_missing for state in mine),
            "letters_owed": sum(
                "ApologyOwed" in kinds and not state.letters
                for kinds, state in zip(standing, mine, strict=True)
            ),
        }
