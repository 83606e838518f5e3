"""The store on both of MongoDB's async clients: Motor, and PyMongo's own, which follows it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.catalogue import load_catalogue
from motcua.deciders import calendars
from services.intake.codes import CallersKey, Codes
from services.intake.decider import IntakeDecider
from services.intake.imports.bookmarks import Bookmark, MongoBookmarks
from services.intake.imports.told_before import MongoToldBefore, Told
from services.intake.state import Intake
from services.notify.http.figures import message_figures
from services.runtime.core.handle import handle
from services.runtime.core.stored import Hold, RequestAnswer, Stored
from services.runtime.mongo.store import Fenced, Store
from services.shared.balance import balance
from services.sla.deciding.decider import SlaDecider
from services.sla.deciding.rules import Rules
from services.sla.dossier.state import Sla
from services.sla.figures.counting import period_count
from services.sla.figures.figures import figures
from services.sla.figures.periods import Period
from services.sla.figures.tables import Scope
from tests.support.facts import received
from tests.support.rule_sets import WORLD
from tests.support.stage import (
    MORNING,
    code_of,
    event,
    reception,
    supplement_demand,
    withdrawal,
)

pytestmark = pytest.mark.integration

KEY = CallersKey("by:cb-1", "key", MORNING)


@pytest.fixture
async def database(mongo: Any) -> AsyncIterator[Any]:
    name = f"store_{uuid.uuid4().hex[:10]}"
    yield mongo[name]
    await mongo.drop_database(name)


@pytest.fixture
async def store(database: Any) -> Store[Intake]:
    made = Store(database["dossiers"], Intake)
    await made.prepare()
    await made.prepare()  # again is a no-op
    return made


def _received(number: int, partition: int = 0) -> Stored[Intake]:
    stored = Stored(code_of(number), partition, Intake())
    handle(IntakeDecider(), WORLD, stored, reception(code_of(number)))
    return stored


async def test_what_is_persisted_is_loaded_as_it_was(store: Store[Intake]) -> None:
    first, second = _received(1), _received(2, partition=3)
    first.due = MORNING + timedelta(days=1)
    first.hold = Hold(2, 1, "bad-body", "it was none", 17)
    first.answers = (RequestAnswer("request", "mark", "a.type", "id", "wrong-state", "why"),)
    await store.persist([first, second])
    assert (first.v, second.v) == (1, 1)
    loaded = await store.load([code_of(1), code_of(2), code_of(3)])
    assert set(loaded) == {code_of(1), code_of(2)}
    for stored in (first, second):
        found = loaded[stored.subject]
        assert found.document() == stored.document()
        assert found.applied == stored.applied
    assert (await store.get(code_of(1)))["p"] == 0  # type: ignore[index]
    assert (await store.get(code_of(2)))["p"] == 3  # type: ignore[index]
    assert await store.get(code_of(3)) is None
    await store.persist([])


async def test_of_two_who_insert_one_dossier_the_second_is_fenced_off(
    store: Store[Intake],
) -> None:
    mine, theirs, other = _received(1), _received(1), _received(2)
    await store.persist([theirs])
    with pytest.raises(Fenced) as fenced:
        await store.persist([mine, other])
    assert code_of(1) in fenced.value.subjects
    # Unordered: what was not fenced off is written.
    assert (await store.load([code_of(2)]))[code_of(2)].document()["v"] == 2
    assert (await store.load([code_of(1)]))[code_of(1)].v == 1


async def test_of_two_who_update_one_dossier_the_second_is_fenced_off_and_changes_nothing(
    store: Store[Intake],
) -> None:
    decider = IntakeDecider()
    await store.persist([_received(1), _received(2)])
    mine = await store.load([code_of(1), code_of(2)])
    theirs = (await store.load([code_of(1)]))[code_of(1)]
    handle(decider, WORLD, theirs, supplement_demand(code_of(1), 1))
    await store.persist([theirs])
    assert theirs.v == 2
    for stored in mine.values():
        handle(decider, WORLD, stored, withdrawal(stored.subject, 2))
    with pytest.raises(Fenced):
        await store.persist(mine.values())
    kept = await store.load(list(mine))
    assert kept[code_of(1)].document() == theirs.document()
    assert kept[code_of(2)].state.withdrawal_reason == "not needed"
    # Who loads again can write.
    handle(decider, WORLD, kept[code_of(1)], withdrawal(code_of(1), 2))
    await store.persist([kept[code_of(1)]])
    assert kept[code_of(1)].v == 3


async def test_the_longest_due_of_the_partitions_come_first(store: Store[Intake]) -> None:
    subjects = [_received(n, partition=n % 3) for n in range(9)]
    for n, stored in enumerate(subjects):
        stored.due = MORNING + timedelta(minutes=10 - n) if n != 4 else None
    await store.persist(subjects)

    async def due(partitions: set[int], minutes: int, limit: int = 100) -> list[str]:
        before = MORNING + timedelta(minutes=minutes)
        return [s.subject for s in await store.due(partitions, before, limit)]

    assert await due({0, 1, 2}, 100) == [code_of(n) for n in (8, 7, 6, 5, 3, 2, 1, 0)]
    assert await due({0, 1, 2}, 100, limit=2) == [code_of(8), code_of(7)]
    assert await due({1}, 100) == [code_of(n) for n in (7, 1)]
    assert await due({0, 1, 2}, 4) == [code_of(n) for n in (8, 7)]  # at 4 minutes is not before
    assert await due({7}, 100) == []
    found = (await store.due({2}, MORNING + timedelta(minutes=3), 1))[0]
    assert found.document() == subjects[8].document()


async def test_every_state_is_told_in_the_order_of_the_codes(store: Store[Intake]) -> None:
    subjects = [_received(n) for n in (3, 1, 2)]
    await store.persist(subjects)
    told = [(code, state) async for code, state in store.states()]
    assert [code for code, _ in told] == [code_of(n) for n in (1, 2, 3)]
    assert {state for _, state in told} == {s.state for s in subjects}
    some = [code async for code, _ in store.states({"_id": {"$gte": code_of(2)}})]
    assert some == [code_of(2), code_of(3)]


async def test_times_come_back_in_utc(store: Store[Intake]) -> None:
    await store.persist([_received(1)])
    ((_, state),) = [s async for s in store.states()]
    assert state.received_at == MORNING
    assert state.received_at.tzinfo is UTC or state.received_at.utcoffset() == timedelta(0)


async def test_balances_and_figures_are_drawn_alike(store: Store[Intake], database: Any) -> None:
    decider = IntakeDecider()
    subjects = [_received(n) for n in range(5)]
    handle(decider, WORLD, subjects[0], withdrawal(code_of(0), 30))
    await store.persist(subjects)
    since, until = MORNING - timedelta(hours=1), MORNING + timedelta(hours=1)
    assert await balance(store.collection, since, until, partitions=4) == {
        "carried_over": 0,
        "received": 5,
        "resolved": 1,
        "open": 4,
    }
    rules = Rules(load_catalogue(), calendars())
    clocks = Store(database["clocks"], Sla)
    clock = Stored(code_of(1), 0, Sla())
    handle(SlaDecider(), WORLD, clock, event(code_of(1), received("1.004873", "H29.1")))
    await clocks.persist([clock])
    sheet = figures(clocks.collection, period_count(Period(since, until), until, rules))
    total = (await sheet.count(Scope())).total
    assert (total["received"], total["resolved"], total["open"]) == (1, 0, 1)
    assert await message_figures(database) == {
        "planned": {},
        "delivered": {"sent": 0, "pending": 0},
        "not_sent": {},
    }


async def test_codes_are_drawn_alike(database: Any) -> None:
    codes = Codes(database)
    at = datetime(2026, 3, 6, tzinfo=UTC)
    await codes.at_least("H29.1", "260306", 41)
    assert await codes.draw("H29.1", at, KEY) == "H29.1-260306-0042"
    assert await codes.draw("H29.1", at, KEY) == "H29.1-260306-0042"
    assert await codes.draw("H29.1", at) == "H29.1-260306-0043"


async def test_imports_are_noted_alike(mongo: Any) -> None:
    ledger = MongoBookmarks(mongo, file=uuid.uuid4().hex, mapping="m", name="a file")
    assert await ledger.begun() == Bookmark()
    began = datetime(2026, 3, 6, tzinfo=UTC)
    assert await ledger.entered(began) == began
    assert await ledger.entered(began + timedelta(hours=1)) == began
    assert await ledger.begun() == Bookmark()
    await ledger.note(Bookmark(10, 1))
    await ledger.note(Bookmark(5, 0))  # a slower run beside it takes nothing back
    assert await ledger.begun() == Bookmark(10, 1)
    await ledger.note(Bookmark(12, 1, finished=True))
    assert await ledger.begun() == Bookmark(12, 1, finished=True)
    await ledger.note(Bookmark(12, 1, finished=True, left_out=4))
    assert (await ledger.begun()).left_out == 4


async def test_what_imports_told_is_kept_alike(mongo: Any) -> None:
    told = MongoToldBefore(mongo, f"s-{uuid.uuid4().hex[:8]}")
    assert await told.of(["A/1", "2"]) == {}
    code = "H29.15-240307-0001"
    await told.note({"A/1": Told({"4f0d3a52-0c5e": "aa"}, code, standard="[1]"), "2": Told()})
    await told.note({"A/1": Told({"4f0d3a52-0c5f": "bb"}, code)})
    known = Told({"4f0d3a52-0c5e": "aa", "4f0d3a52-0c5f": "bb"}, code, standard="[1]")
    assert await told.of(["A/1", "2"]) == {"A/1": known}
    await told.note({})
    await told.begin({"A/1": ["2"]})
    await told.begin({"A/1": ["1", "2"]})
    assert {*(await told.of(["A/1"]))["A/1"].begun} == {"1", "2"}
    corrected = Told({"4f0d3a52-0c5e": "cc"}, code, "v1")
    await told.replace({"A/1": corrected})
    assert await told.of(["A/1"]) == {"A/1": corrected}
    await told.note({"A/1": Told({"4f0d3a52-0c60": "dd"}, code, "v1")})
    assert (await told.of(["A/1"]))["A/1"].version == "v1"
