"""Sla with other rules, in this process: two instances, deaths between two writes, retries."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.catalogue import load_catalogue
from contracts.events import sla
from contracts.values import to_utc_millis
from contracts.wire.codec import decode
from services.runtime.loop.clock import StreamClock, WallClock
from services.runtime.loop.engine import Engine
from services.runtime.settings import Settings
from services.shared.rulebook import book as rule_book
from services.shared.toml_file import FileError
from services.sla import metrics
from services.sla.deciding.decider import SlaDecider
from services.sla.deciding.rules import Rules
from services.sla.in_force.files import RuleFiles
from services.sla.in_force.register import RuleRegister
from services.sla.in_force.watch import InForce, unconfirmed
from services.sla.settings import SlaSettings
from tests.support.eventually import soon
from tests.support.rules import Folder, applied, begun, day_of
from tests.support.stage import MORNING, Actor, Stage, a_stage, code_of

pytestmark = pytest.mark.integration

CODE = code_of(1)


def clerk(stage: Stage, actor: Actor, folder: Folder) -> InForce:
    """What keeps the files in that folder in force on an instance."""
    files = RuleFiles(SlaSettings(calendars=folder.path), load_catalogue())
    decider = actor.engine.decider
    assert isinstance(decider, SlaDecider)
    return InForce(actor.engine, decider, files, RuleRegister(stage.database["rules"]))


def sla_of(stage: Stage, folder: Folder) -> SlaDecider:
    """Sla's decisions, as they are when the service is started."""
    rules = RuleFiles(SlaSettings(calendars=folder.path), load_catalogue()).read()
    decider: SlaDecider = stage.cast(SlaDecider(unconfirmed(rules)))
    return decider


async def judged(stage: Stage, decider: SlaDecider) -> dict[str, str | None]:
    """By which rules each dossier is judged."""
    return {code: state.rule async for code, state in stage.store(decider).states()}


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
        decider = stage.cast(SlaDecider(unconfirmed(files.read())))
        engine = Actor(stage, decider, WallClock()).engine

        def started_anew() -> InForce:
            again = RuleFiles(SlaSettings(rules=tmp_path / "rules"), load_catalogue())
            return InForce(engine, decider, again, RuleRegister(stage.database["rules"]))

        in_force = InForce(engine, decider, files, RuleRegister(stage.database["rules"]))
        await in_force.look()
        before = decider.rules
        assert type(before) is Rules
        book.write_text(changed, encoding="utf-8")
        await in_force.look()
        await in_force.look()
        assert decider.rules is before
        assert metrics.RULE_FILES_IN_FORCE._value.get() == 0
        with pytest.raises(FileError, match="still have the version '2025-2'"):
            await started_anew().look()  # which has nothing older to fall back on

        book.write_text(changed.replace("2025-2", "2026-1"), encoding="utf-8")
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
        assert {(e.id, e.data.rule) for e in said} == {(said[0].id, before.rule)}  # type: ignore[attr-defined]


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
