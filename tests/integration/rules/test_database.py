"""What is to be judged by other rules, as the database finds and counts it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from contracts.catalogue import load_catalogue
from contracts.events import routing
from contracts.events.sla import AlertKind
from services.runtime.core.handle import fire_timers, handle, set_due
from services.runtime.core.stored import Hold, Stored
from services.runtime.mongo.store import Fenced, Store
from services.shared.toml_file import FileError
from services.shared.working_time import WORKING_DAY
from services.sla.deciding.decider import SlaDecider
from services.sla.deciding.rules import Rules
from services.sla.dossier.state import Alert, EnteredLate, LetterStanding, Sla
from services.sla.figures.gauges import count
from services.sla.figures.open_dossiers import judged_by_others, prepare
from services.sla.in_force.files import RuleFiles
from services.sla.in_force.register import RuleRegister
from services.sla.settings import SlaSettings
from tests.support import facts
from tests.support.office import MARITAL_STATUS, WARD_UNIT
from tests.support.rules import Folder, begun, fact, processed
from tests.support.stage import MORNING, code_of

pytestmark = pytest.mark.integration


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
        unpromised = fact("", MORNING, facts.received(procedure, WARD_UNIT, promise=None))
        nobody = fact("", MORNING, routing.DossierUnroutable(reason="r"))
        imported = [msgspec.structs.replace(event, history=True) for event in whole]
        for story in (
            whole,
            [*whole, stop],
            [*whole, processed("", MORNING)],
            whole[:1],
            whole[1:],
            imported,
            [whole[0], nobody],
            [unpromised, whole[1]],
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
        # What was promised does not change with the catalogue.
        assert bool(wanted) is (others.calendars != rules.calendars)
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
    register, elsewhere = RuleRegister(anew["rules"]), RuleRegister(anew["rules"])
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

    entered = await asyncio.gather(
        *(RuleRegister(anew["rules"]).enter(others, back) for _ in "1234")
    )
    assert set(entered) == {await register.since(others)}


async def test_other_rules_under_the_same_version_are_refused_with_the_remedy(
    anew: Any, rules: Rules
) -> None:
    register = RuleRegister(anew["rules"])
    await register.enter(rules, MORNING)
    apology = rules.book.apology.model_copy(update={"notice_working_hours": 16})
    same_name = replace(rules, book=rules.book.model_copy(update={"apology": apology}))
    with pytest.raises(FileError, match="still have the version '2025-2': give them another"):
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
        if number % 3 == 0:
            written = MORNING + timedelta(hours=1 if number % 2 else 300)
            handle(decider, stored, fact("letter", written, facts.letter(written, None)))
        if number % 5 == 0:
            old = Alert(MORNING, "old", AlertKind.APOLOGY_OWED, MORNING)
            stored.state = msgspec.structs.replace(stored.state, alerts=(*stored.state.alerts, old))
        if number % 3:
            late = EnteredLate(MORNING, "e", MORNING, WORKING_DAY + number % 2)
            stored.state = msgspec.structs.replace(stored.state, entered_late=(late,))
    await store.persist(everything)
    assert any(s.state.late for s in everything)
    assert any(s.state.unjudged for s in everything)
    letters = {s.state.letter_standing for s in everything if s.state.late}
    assert letters >= set(LetterStanding)
    assert any(s.state.handlers and not s.state.handlers[-1].unit for s in everything)
    for partitions in ({0, 1, 2}, {1}, set[int]()):
        mine = [
            s.state
            for s in everything
            if s.partition in partitions and s.state.span.received_at and not s.state.span.ended_at
        ]
        standing = [{a.meant for a in s.alerts if not a.retracted} for s in mine]
        found = await count(store.collection, partitions)
        assert {name: sum(of_units.values()) for name, of_units in found.items()} == {
            "open": len(mine),
            "soon_due": sum(
                "DossierSoonDue" in kinds and "DossierOverdue" not in kinds for kinds in standing
            ),
            "overdue": sum(state.late for state in mine),
            **{
                f"letter_{each.name.lower()}": sum(
                    state.late and state.letter_standing is each for state in mine
                )
                for each in (LetterStanding.IN_TIME, LetterStanding.LATE)
            },
            "late_without_letter": sum(state.letter_missing for state in mine),
            "last_call": sum(
                "LastCallGiven" in kinds and not state.letters and not state.late
                for kinds, state in zip(standing, mine, strict=True)
            ),
            "letters_owed": sum(
                "ApologyOwed" in kinds and not state.letters
                for kinds, state in zip(standing, mine, strict=True)
            ),
            "unjudged": sum(state.unjudged is not None for state in mine),
            "unrouted": sum(bool(s.handlers) and not s.handlers[-1].unit for s in mine),
            "entered_late": sum(
                any(one.seconds > WORKING_DAY for one in state.entered_late) for state in mine
            ),
        }
