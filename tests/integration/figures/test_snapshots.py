"""Frozen figures: one by whoever freezes, whatever is interrupted, whatever comes later."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.runtime.mongo.client import Database
from services.shared.balance import prepare
from services.sla.figures.counting import MEASURES, period_count
from services.sla.figures.figures import figures
from services.sla.figures.periods import period
from services.sla.figures.rates import rates
from services.sla.figures.snapshots import snapshots
from services.sla.figures.snapshots.changes import changed_dossiers, changes
from services.sla.figures.snapshots.freeze import FreezeResult as Freezing
from services.sla.figures.snapshots.freeze import NotOver, freeze
from services.sla.figures.snapshots.snapshots import CELLS, ROWS, Snapshot
from services.sla.figures.tables import Scope
from services.sla.figures.view import snapshots_view
from tests.support import facts
from tests.support.facts import DELIVERED, DEMANDED, WITHDRAWN
from tests.support.figures import (
    ALL,
    BY_UNIT,
    CATALOGUE,
    JULY,
    LATER,
    MILLISECOND,
    PROCESSED,
    RULES,
    SECOND_DATE,
    UNPROMISED,
    City,
    at,
    code_of,
    frozen,
    keep,
    read_as,
    received,
    routed,
    some,
)

pytestmark = pytest.mark.integration


async def test_what_is_entered_late_changes_the_live_figures_and_not_the_frozen_ones(
    database: Database,
) -> None:
    city = City(database)
    late = await city.told(1, (at(1), received()), (at(1), routed()), (at(8), PROCESSED))
    await city.told(2, (at(1), received()), (at(1), routed()), (at(2), PROCESSED))
    assert await freeze(database, JULY, RULES, LATER) is Freezing.FROZEN
    of = await frozen(database, "2025-07")
    published = dict(of.total)
    assert published == {**published, "resolved": 2, "resolved_late": 1, "late_without_letter": 1}
    assert await changed(database, of, BY_UNIT) == ([], {})

    await city.told(1, (at(2), DEMANDED), (at(7), DELIVERED))  # it was not late
    new = await city.told(3, (at(30), received("H29.102")), (at(30), routed("H29.102")))

    of = await frozen(database, "2025-07")
    assert of.total == published
    assert (await snapshots.count(database, of, ALL)).total == published
    rows = await snapshots.dossiers(database, of, ALL, "resolved_late")
    assert [(row["code"], row["late_since"]) for row in rows] == [(late, at(4))]
    assert await city.total() == {"received": 3, "resolved": 2, "open": 1}
    assert await changed(database, of, BY_UNIT) == (
        [
            {"unit": "H29.101", "resolved_late": -1, "late_without_letter": -1},
            {"unit": "H29.102", "received": 1, "open": 1},
        ],
        {"received": 1, "open": 1, "resolved_late": -1, "late_without_letter": -1},
    )
    for measure, expected in (
        ("resolved_late", [{"code": late, "change": -1}]),
        ("received", [{"code": new, "change": 1}]),
        ("resolved", []),
    ):
        assert await changed_dossiers(database, of, ALL, CATALOGUE, measure) == expected


async def changed(database: Database, of: Snapshot, scope: Scope) -> Any:
    found = await changes(database, of, scope, CATALOGUE)
    return [some(row) for row in found.rows], some(found.total)


async def test_what_happens_later_changes_nothing_of_a_period_that_is_over(
    database: Database,
) -> None:
    city = City(database)
    await city.told(1, (at(29), received()), (at(29), routed()))
    await freeze(database, JULY, RULES, LATER)
    august = JULY.until + timedelta(days=5)
    moved = facts.handed_over("H29.102")
    await city.told(1, (august, moved), (august, DEMANDED), (august, WITHDRAWN))
    assert await changed(database, await frozen(database, "2025-07"), BY_UNIT) == ([], {})


async def test_a_change_of_the_rules_is_no_change_of_the_facts(database: Database) -> None:
    await keep(database, [SECOND_DATE])
    await freeze(database, JULY, read_as("late"), LATER)
    of = await frozen(database, "2025-07")
    assert (of.extended, of.rules, of.total["resolved_late"]) == ("late", RULES.book.version, 1)
    # Read as on time now, it would be one late dossier less.
    assert await changed(database, of, ALL) == ([], {})


async def test_a_letter_written_after_the_end_is_a_correction_of_what_was_frozen(
    database: Database,
) -> None:
    city = City(database)
    code = await city.told(1, (at(1), received()), (at(1), routed()), (at(8), PROCESSED))
    await freeze(database, JULY, RULES, LATER)
    of = await frozen(database, "2025-07")
    assert of.total["late_without_letter"] == 1

    august = JULY.until + timedelta(days=5)
    await city.told(1, (august, facts.letter(at(4), None, in_time=False)))

    of = await frozen(database, "2025-07")
    assert of.total["late_without_letter"] == 1
    now = {"late_with_letter": 1, "letter_late": 1, "late_without_letter": -1}
    assert await changed(database, of, ALL) == ([now], now)
    assert await changed_dossiers(database, of, ALL, CATALOGUE, "letter_late") == [
        {"code": code, "change": 1}
    ]
    live = await city.total()
    assert (live["resolved_late"], live["letter_late"]) == (1, 1)
    assert "late_without_letter" not in live


async def test_a_period_frozen_before_letters_were_counted_in_time_or_late_stays_as_it_was(
    database: Database,
) -> None:
    await keep(database, [SECOND_DATE])
    await freeze(database, JULY, RULES, LATER)
    for kept in (ROWS, CELLS):
        gone = {"letter_in_time": "", "letter_late": ""}
        await database[kept].update_many({}, {"$unset": gone})
    await database[snapshots.SNAPSHOTS].update_many(
        {}, {"$unset": {"total.letter_in_time": "", "total.letter_late": ""}}
    )
    of = await frozen(database, "2025-07")
    assert (of.total["late_with_letter"], of.total["letter_in_time"]) == (1, 0)
    assert (await snapshots.count(database, of, ALL)).total == of.total
    (row,) = await snapshots.dossiers(database, of, ALL, "late_with_letter")
    assert not {"letter_in_time", "letter_late"} & set(row["counts"])
    assert await changed(database, of, ALL) == ([{"letter_in_time": 1}], {"letter_in_time": 1})


async def test_a_dossier_that_kept_only_its_second_date_is_late_with_a_letter_by_default(
    database: Database,
) -> None:
    city = City(database)
    letter = facts.letter(at(4), at(11), letter_by=at(3))
    begin = ((at(1), received()), (at(1), routed()))
    await city.told(1, *begin, (at(2), letter), (at(8), PROCESSED))
    assert await city.total() == {
        **{"received": 1, "resolved": 1, "resolved_late": 1, "kept_second_date": 1},
        **{"extended": 1, "late_with_letter": 1, "letter_in_time": 1},
    }


async def test_a_period_frozen_before_there_were_unjudged_dossiers_stays_as_it_was(
    database: Database,
) -> None:
    city = City(database)
    await city.told(1, (at(1), received()), (at(1), routed()), (at(2), PROCESSED))
    code = await city.told(2, (at(1), UNPROMISED), (at(1), routed()), (at(2), PROCESSED))
    await freeze(database, JULY, RULES, LATER)
    names = ("unjudged", "resolved_unjudged", "open_unjudged")
    for kept in (ROWS, CELLS):
        await database[kept].update_many({}, {"$unset": {"unjudged": ""}})
    gone = {f"total.{name}": "" for name in names}
    await database[snapshots.SNAPSHOTS].update_many({}, {"$unset": gone})

    of = await frozen(database, "2025-07")
    published = {"received": 2, "resolved": 2}
    assert some(dict(of.total)) == published
    assert set(names) <= set(of.total)
    (item,) = snapshots_view([of])["items"]
    assert (item["unjudged"], item["on_time_of_resolved"]) == (0, "100.00")
    for scope in (ALL, BY_UNIT):
        table = await snapshots.count(database, of, scope)
        assert some(table.total) == published
        assert rates(table.total)["on_time_decision_766"] == "100.00"
    rows = await snapshots.dossiers(database, of, ALL, "resolved")
    assert [row["counts"] for row in rows] == [["received", "resolved"]] * 2
    assert await snapshots.dossiers(database, of, ALL, "unjudged") == []
    assert await changed(database, of, ALL) == (
        [{"unjudged": 1, "resolved_unjudged": 1}],
        {"unjudged": 1, "resolved_unjudged": 1},
    )
    gained = await changed_dossiers(database, of, ALL, CATALOGUE, "unjudged")
    assert gained == [{"code": code, "change": 1}]


async def test_a_period_frozen_before_late_entries_were_counted_stays_as_it_was(
    database: Database,
) -> None:
    city = City(database)
    await city.told(1, (at(1), received()), (at(1), routed()), (at(2), PROCESSED))
    await freeze(database, JULY, RULES, LATER)
    for kept in (ROWS, CELLS):
        gone = {"taken_back": "", "entered_late": "", "delay": ""}
        await database[kept].update_many({}, {"$unset": gone})
    of = await frozen(database, "2025-07")
    published = {"received": 1, "resolved": 1}
    for scope in (ALL, BY_UNIT):
        table = await snapshots.count(database, of, scope)
        assert some(table.total) == published
        shown = rates(table.total)
        assert shown["on_time_of_resolved"] == shown["on_time_of_resolved_by_entry"] == "100.00"
    (row,) = await snapshots.dossiers(database, of, ALL, "resolved")
    assert row["counts"] == ["received", "resolved"]
    assert await snapshots.dossiers(database, of, ALL, "entered_late_0_1") == []
    assert await changed(database, of, ALL) == ([], {})


async def test_a_period_that_is_not_over_is_not_frozen(database: Database) -> None:
    with pytest.raises(NotOver, match="2025-07 is not over"):
        await freeze(database, JULY, RULES, JULY.until - MILLISECOND)
    assert await snapshots.snapshots(database) == []
    assert await freeze(database, JULY, RULES, JULY.until) is Freezing.FROZEN
    assert await freeze(database, JULY, RULES, LATER) is Freezing.ALREADY


async def some_dossiers(database: Database) -> dict[str, int]:
    """Thirty dossiers of July, of which some are late; returns its figures."""
    city = City(database)
    for number in range(30):
        facts = [(at(1 + number % 20), received()), (at(1 + number % 20), routed())]
        if number % 3:
            facts.append((at(3 + number), PROCESSED))
        await city.told(number, *facts)
    return (await figures(database["dossiers"], period_count(JULY, LATER, RULES)).count(ALL)).total


async def is_whole(database: Database, total: dict[str, int]) -> None:
    """The snapshot says that, its rows and cells are of one attempt, and nothing else is there."""
    of = await frozen(database, "2025-07")
    assert of.total == total
    for name in (ROWS, CELLS):
        assert await database[name].distinct("_id.attempt") == [of.attempt]
    assert await database[ROWS].count_documents({}) == total["carried_over"] + total["received"]
    for measure in MEASURES:
        assert len(await snapshots.dossiers(database, of, ALL, measure)) == total[measure]


async def test_of_many_who_freeze_at_once_one_does(database: Database) -> None:
    total = await some_dossiers(database)
    outcomes = await asyncio.gather(*(freeze(database, JULY, RULES, LATER) for _ in range(8)))
    assert outcomes.count(Freezing.FROZEN) == 1
    assert (await frozen(database, "2025-07")).attempt == 1
    await is_whole(database, total)


async def test_those_who_take_each_others_claims_freeze_it_once(database: Database) -> None:
    total = await some_dossiers(database)
    # Every claim has run out as soon as it is made.
    outcomes = await asyncio.gather(
        *(freeze(database, JULY, RULES, LATER, lease=timedelta(0)) for _ in range(6))
    )
    assert outcomes.count(Freezing.FROZEN) == 1
    await is_whole(database, total)


class Died(Exception):
    """The process ended here."""


def dies_at(point: str, times: int) -> Any:
    """Told of the points that the freezing passes, ends it at one of them."""
    left = times

    def passing(passed: str) -> None:
        nonlocal left
        left -= passed == point
        if passed == point and left == 0:
            raise Died

    return passing


@pytest.mark.parametrize(
    ("point", "times"),
    [
        ("snapshot-claimed", 1),
        ("snapshot-rows", 1),
        ("snapshot-rows", 3),
        ("snapshot-cells", 1),
    ],
)
async def test_freezing_that_was_interrupted_is_begun_again_by_the_next_one(
    database: Database, point: str, times: int
) -> None:
    await some_dossiers(database)
    with pytest.raises(Died):
        await freeze(
            database, JULY, RULES, LATER, passing=dies_at(point, times), lease=timedelta(0)
        )
    assert await snapshots.snapshot(database, "2025-07") is None
    # What was entered between the two attempts is in: the first one's rows are not.
    await City(database).told(99, (at(30), received()), (at(30), routed()))
    await database["dossiers"].delete_one({"_id": code_of(0)})
    sheet = figures(database["dossiers"], period_count(JULY, LATER, RULES))
    total = (await sheet.count(ALL)).total
    assert await freeze(database, JULY, RULES, LATER) is Freezing.FROZEN
    await is_whole(database, total)


async def test_who_dies_after_the_last_step_has_frozen_it(database: Database) -> None:
    total = await some_dossiers(database)
    with pytest.raises(Died):
        await freeze(database, JULY, RULES, LATER, passing=dies_at("snapshot-frozen", 1))
    assert await freeze(database, JULY, RULES, LATER) is Freezing.ALREADY
    await is_whole(database, total)


async def test_a_claim_is_left_alone_as_long_as_it_holds(database: Database) -> None:
    await some_dossiers(database)
    with pytest.raises(Died):
        await freeze(database, JULY, RULES, LATER, passing=dies_at("snapshot-rows", 1))
    assert await freeze(database, JULY, RULES, LATER) is Freezing.ELSEWHERE
    assert await snapshots.snapshot(database, "2025-07") is None


async def test_month_and_quarter_are_frozen_each_for_itself(database: Database) -> None:
    city = City(database)
    await city.told(1, (at(1), received()), (at(1), routed()))
    quarter = period("2025-Q3")
    for each in (JULY, period("2025-08"), quarter):
        assert await freeze(database, each, RULES, quarter.until) is Freezing.FROZEN
    found = await snapshots.snapshots(database)
    assert [of.name for of in found] == ["2025-07", "2025-Q3", "2025-08"]
    assert [some(dict(of.total)).get("received") for of in found] == [1, 1, None]
    assert found[2].total["carried_over"] == 1
    assert (await snapshots.dossiers(database, found[2], ALL, "received")) == []


async def test_the_indexes_are_made_once_and_the_figures_are_read_by_them(
    database: Database,
) -> None:
    total = await some_dossiers(database)
    for _ in range(2):
        await prepare(database["dossiers"])
        await snapshots.prepare(database)
    read = period_count(JULY, LATER, RULES)
    plan = await database.command(
        "explain",
        {"find": "dossiers", "filter": read.selection(1)},
        verbosity="queryPlanner",
    )
    assert '"indexName": "figures"' in str(plan["queryPlanner"]["winningPlan"]).replace("'", '"')
    assert (await figures(database["dossiers"], read).count(ALL)).total == total
    await freeze(database, JULY, RULES, LATER)
    await is_whole(database, total)
