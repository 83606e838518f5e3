"""What figures say of dossiers that were late, handed over, or entered late; and their ages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from motcua.deciders import calendars
from services.runtime.mongo.client import Database
from services.shared.lifecycle import Span
from services.shared.working_time import WORKING_DAY
from services.sla.dossier.state import Sla
from services.sla.figures.backlog import AGES, BACKLOG, backlog
from services.sla.figures.counting import MEASURES, period_count
from services.sla.figures.figures import figures
from services.sla.figures.periods import Period, period
from services.sla.figures.rates import rates
from tests.support import facts
from tests.support.facts import DELIVERED, DEMANDED, WITHDRAWN
from tests.support.figures import (
    ALL,
    BY_UNIT,
    JULY,
    LATER,
    MILLISECOND,
    PROCESSED,
    REAL_DATABASE,
    RULES,
    SECOND_DATE,
    TIMES,
    UNPROMISED,
    City,
    at,
    keep,
    read_as,
    received,
    routed,
    some,
    states,
)

pytestmark = pytest.mark.integration


async def test_what_will_be_late_is_not_late_before_its_time(database: Database) -> None:
    city = City(database)
    await city.told(1, (at(1), received()), (at(1), routed()))
    on_time = {"received": 1, "open": 1}
    late = {**on_time, "open_late": 1, "late_without_letter": 1}
    assert await city.total(now=at(4)) == on_time  # three working days: at this very moment
    assert await city.total(now=at(4) + MILLISECOND) == late
    assert await city.total(now=LATER) == late
    # In the figures of the days before, it never is.
    assert await city.total(Period(at(1), at(4))) == on_time


async def test_what_was_resolved_late_stays_so_and_is_in_time_while_a_period_ends_before(
    database: Database,
) -> None:
    city = City(database)
    await city.told(1, (at(1), received()), (at(1), routed()), (at(8), PROCESSED))
    assert await city.total() == {
        "received": 1,
        "resolved": 1,
        "resolved_late": 1,
        "late_without_letter": 1,
    }
    assert await city.total(Period(at(2), at(3))) == {"carried_over": 1, "open": 1}
    assert await city.total(period("2025-08")) == {}


async def test_a_pause_that_is_entered_late_leaves_no_trace_of_the_breach(
    database: Database,
) -> None:
    city = City(database)
    await city.told(1, (at(1), received()), (at(1), routed()), (at(8), PROCESSED))
    assert (await city.total())["resolved_late"] == 1
    await city.told(1, (at(2), DEMANDED), (at(7), DELIVERED))
    assert await city.total() == {"received": 1, "resolved": 1}


async def test_a_second_demand_counts_for_decision_766_alone(database: Database) -> None:
    city = City(database)
    pauses = [(at(2, 9), DEMANDED), (at(2, 11), DELIVERED), (at(3, 9), DEMANDED)]
    await city.told(1, (at(1), received()), (at(1), routed()), *pauses)
    assert await city.total() == {"received": 1, "open": 1, "open_repeated": 1}
    await city.told(1, (at(3, 11), DELIVERED), (at(4), PROCESSED))
    assert await city.total() == {"received": 1, "resolved": 1, "resolved_repeated": 1}
    await city.told(2, (at(1), received()), (at(2), WITHDRAWN))
    assert (await city.total())["withdrawn"] == 1


async def test_what_nobody_can_judge_is_neither_on_time_nor_late(database: Database) -> None:
    city = City(database)
    await city.told(1, (at(1), UNPROMISED), (at(1), routed()), (at(2), PROCESSED))
    code = await city.told(2, (at(1), UNPROMISED), (at(1), routed()))
    alone = await city.total()
    assert alone == {
        "received": 2,
        "resolved": 1,
        "open": 1,
        "unjudged": 2,
        "resolved_unjudged": 1,
        "open_unjudged": 1,
    }
    assert set(rates({**dict.fromkeys(MEASURES, 0), **alone}).values()) == {None}

    await city.told(3, (at(1), received()), (at(1), routed()), (at(2), PROCESSED))
    await city.told(4, (at(1), received()), (at(1), routed()), (at(8), PROCESSED))
    both = await city.total()
    assert both == {
        **alone,
        "received": 4,
        "resolved": 3,
        "resolved_late": 1,
        "late_without_letter": 1,
    }
    found = rates({**dict.fromkeys(MEASURES, 0), **both})
    assert found.pop("taken_back_share") == "0.00"
    assert set(found.values()) == {"50.00"}
    sheet = figures(database["dossiers"], period_count(JULY, LATER, RULES))
    (row,) = await sheet.dossiers(ALL, "open_unjudged")
    assert (row["code"], row["late_since"]) == (code, None)
    assert row["counts"] == ["received", "open", "unjudged", "open_unjudged"]


async def test_a_dossier_that_was_handed_over_counts_where_it_was_when_the_period_ended(
    database: Database,
) -> None:
    city = City(database)
    moved = facts.handed_over("H29.102")
    await city.told(1, (at(1), received()), (at(1), routed()), (at(10), moved))

    async def units(of: Period) -> list[str]:
        sheet = figures(database["dossiers"], period_count(of, LATER, RULES))
        return [row["unit"] for row in (await sheet.count(BY_UNIT)).rows]

    assert await units(Period(at(1), at(10))) == ["H29.101"]
    assert await units(JULY) == ["H29.102"]


async def test_the_second_date_alone_is_kept_as_the_rules_read_it(database: Database) -> None:
    await keep(database, [SECOND_DATE])
    on_time = {"received": 1, "resolved": 1, "kept_second_date": 1, "extended": 1}
    late = {**on_time, "resolved_late": 1, "late_with_letter": 1, "letter_in_time": 1}
    for extended, expected in (("on-time", on_time), ("late", late)):
        sheet = figures(database["dossiers"], period_count(JULY, LATER, read_as(extended)))
        assert some((await sheet.count(ALL)).total) == expected


OFFICE_TIME = calendars().for_unit("H29.1")


def age(since: datetime, moment: datetime) -> str:
    """The name of the age of what began then, as the calendar measures it."""
    days = OFFICE_TIME.measure(since, moment) // WORKING_DAY
    return next(name for name, _, _ in reversed(AGES) if days >= int(name.partition("_")[0]))


async def is_the_backlog(database: Database, kept: Sequence[Sla], moment: datetime) -> None:
    """The backlog is the one that is counted by hand, and can be opened to the dossiers."""
    expected: Counter[str] = Counter()
    for state in kept:
        came, ended = state.span.received_at, state.span.ended_at
        if came is None or came >= moment or (ended is not None and ended < moment):
            continue
        expected.update(["open", f"age_{age(came, moment)}"])
        if state.handlers and not state.handlers[-1].unit:
            expected["unrouted"] += 1
        if state.assessment is None:
            expected["unjudged"] += 1
            continue
        breach = state.assessment.first_breach_at  # as the rules read a second date
        late = breach is not None and breach < moment
        expected.update([f"overdue_{age(breach, moment)}" if late and breach else "in_time"])
    read = period_count(Period(moment, moment), LATER, RULES)
    sheet = backlog(database["dossiers"], read, OFFICE_TIME)
    table = await sheet.count(BY_UNIT)
    assert some(table.total) == dict(expected)
    for row in (*table.rows, table.total):
        assert row["open"] == sum(row[f"age_{name}"] for name, _, _ in AGES)
        overdue = sum(row[f"overdue_{name}"] for name, _, _ in AGES)
        assert row["open"] == row["in_time"] + overdue + row["unjudged"]
    for measure in BACKLOG:
        assert len(await sheet.dossiers(ALL, measure)) == table.total[measure]


@REAL_DATABASE
@given(kept=st.lists(states(), min_size=10, max_size=30), moment=TIMES)
async def test_the_backlog_has_every_age_that_the_calendar_measures(
    database: Database, kept: list[Sla], moment: datetime
) -> None:
    await keep(database, kept)
    await is_the_backlog(database, kept, moment)


async def test_an_age_begins_with_the_very_second(database: Database) -> None:
    moment = at(31, 11)
    kept = [
        replace(SECOND_DATE, span=Span(since + timedelta(milliseconds=more)))
        for days in (2, 6, 11, 21, 41)
        for since in [OFFICE_TIME.subtract(moment, days * WORKING_DAY)]
        for more in (-1, 0, 500, 999, 1000)
    ]
    await keep(database, kept)
    await is_the_backlog(database, kept, moment)
