"""Figures on real MongoDB: counted as one would by hand, opened to the dossiers, and frozen."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.catalogue import load_catalogue
from contracts.model import EventData
from contracts.values import Channel, ServiceLevel
from contracts.wire.envelope import Event
from motcua.deciders import calendars
from services.runtime.core.handle import handle
from services.runtime.core.stored import Stored
from services.runtime.mongo.client import Database
from services.runtime.mongo.store import Store
from services.shared.lifecycle import PublicStatus, Span
from services.sla.deciding.decider import SlaDecider
from services.sla.deciding.rules import Rules
from services.sla.dossier.state import Assessment, Exemption, Handler, Letter, Sla, unit_at
from services.sla.figures import figures as live
from services.sla.figures.backlog import AGES, BACKLOG, backlog
from services.sla.figures.counting import MEASURES, Reading, fields_of, reading
from services.sla.figures.figures import Sheet, figures
from services.sla.figures.periods import Period, period
from services.sla.figures.snapshots import snapshots
from services.sla.figures.snapshots.changes import changed_dossiers, changes
from services.sla.figures.snapshots.freeze import NotOver, freeze
from services.sla.figures.snapshots.freeze import Outcome as Freezing
from services.sla.figures.snapshots.snapshots import CELLS, ROWS, Snapshot
from services.sla.figures.tables import Dimension, Scope
from services.sla.working_time import WORKING_DAY
from tests.support import facts
from tests.support.facts import DELIVERED, DEMANDED, WITHDRAWN
from tests.support.properties import examples

pytestmark = pytest.mark.integration

CATALOGUE = load_catalogue()
RULES = Rules(CATALOGUE, calendars())
FIELDS = fields_of(CATALOGUE)
JULY = period("2025-07")
NOW = datetime(2025, 7, 20, 3, tzinfo=UTC)
"""In the middle of July: what is to come in it is not yet known."""
LATER = datetime(2025, 9, 1, tzinfo=UTC)
UNITS = ("H29.1", "H29.101", "H29.102")
PROCEDURES = ("1.004873", "1.001193", "1.013831", "9.999999")
"""The last one is in no catalogue: an older system's."""
ALL = Scope()
BY_UNIT = Scope((Dimension.UNIT,))


# -- the same, counted by hand ------------------------------------------------------------


def by_hand(state: Sla, read: Reading) -> tuple[dict[str, str], set[str]] | None:
    """A dossier's dimensions and all that it counts as; None if it is not of the period."""
    since, until = read.period.since, read.period.until
    received, ended = state.span.received_at, state.span.ended_at
    if received is None or received >= until or (ended is not None and ended < since):
        return None
    resolved = ended is not None and ended < until
    now = state.assessment
    assert now is not None
    breach = now.first_breach_at if read.extended == "late" else now.breach_at
    late = breach is not None and breach < (until if resolved else read.as_of)

    def happened(moment: datetime | None) -> bool:
        return moment is not None and moment < until

    repeated = happened(now.repeated_at)
    letter = any(happened(each.at) for each in state.letters)
    exempt = state.exemption is not None and happened(state.exemption.at)
    said = {
        "carried_over": received < since,
        "received": received >= since,
        "resolved": resolved,
        "resolved_late": resolved and late,
        "resolved_repeated": resolved and not late and repeated,
        "kept_second_date": resolved
        and happened(now.first_breach_at)
        and not happened(now.breach_at),
        "withdrawn": resolved and state.span.ended is PublicStatus.WITHDRAWN,
        "open": not resolved,
        "open_late": not resolved and late,
        "open_repeated": not resolved and not late and repeated,
        "extended": happened(now.extended_at),
        "late_with_letter": late and letter,
        "late_without_letter": late and not letter and not exempt,
        "exempt": exempt,
    }
    assert state.procedure is not None
    assert state.channel is not None
    assert state.level is not None
    unit = unit_at(state, until - timedelta(milliseconds=1))
    assert unit is not None
    dimensions = {
        "unit": unit,
        "field": FIELDS.get(state.procedure, "unknown"),
        "procedure": state.procedure,
        "channel": state.channel,
        "level": state.level,
    }
    return dimensions, {name for name, true in said.items() if true}


MILLISECOND = timedelta(milliseconds=1)
EDGES = (JULY.since, JULY.until, NOW)
TIMES = st.one_of(
    st.sampled_from([edge + n * MILLISECOND for edge in EDGES for n in (-1, 0, 1)]),
    st.integers(0, 2400).map(
        lambda hours: JULY.since - timedelta(days=30) + timedelta(hours=hours)
    ),
)


@st.composite
def states(draw: st.DrawFn) -> Sla:
    """A dossier, with anything about it before, within and after July."""
    received = draw(TIMES)
    end = draw(st.none() | TIMES)
    ended = None if end is None else max(received, end)
    how = draw(st.sampled_from([PublicStatus.PROCESSED, PublicStatus.WITHDRAWN]))

    def missed() -> datetime | None:
        # Of a resolved dossier it is known only if it was missed.
        moment = draw(st.none() | TIMES)
        return moment if ended is None or (moment is not None and moment < ended) else None

    letters = sorted(
        Letter(at, f"l{n}", at, at, True, "04/2025-03")
        for n, at in enumerate(draw(st.lists(TIMES, max_size=2)))
    )
    handlers = sorted(
        Handler(draw(TIMES), f"h{n}", draw(st.sampled_from(UNITS)))
        for n in range(draw(st.integers(0, 3)))
    )
    exempt = draw(st.none() | TIMES)
    return Sla(
        span=Span(received, ended, how if ended else None),
        unit=handlers[-1].unit if handlers else UNITS[0],
        procedure=draw(st.sampled_from(PROCEDURES)),
        receiving_unit=draw(st.sampled_from(UNITS)),
        channel=draw(st.sampled_from(list(Channel))),
        level=draw(st.sampled_from(list(ServiceLevel))),
        handlers=tuple(handlers),
        letters=tuple(letters),
        exemption=None if exempt is None else Exemption(exempt, "x", "force-majeure", "storm"),
        assessment=Assessment(
            budget=0,
            used=0,
            due=None,
            original_due=received,
            running=ended is None,
            breach_at=missed(),
            first_breach_at=missed(),
            extended_at=draw(st.none() | TIMES),
            repeated_at=draw(st.none() | TIMES),
        ),
    )


REGISTERED_ONLY = Sla()
"""Of which nobody knows more than that it is there."""


def code_of(number: int) -> str:
    return f"H29.1-250701-{number:04d}"


async def keep(database: Database, kept: Iterable[Sla]) -> None:
    """Puts the states where sla keeps them, over three partitions, in the place of others."""
    dossiers = database["dossiers"]
    await dossiers.delete_many({})
    documents = [
        Stored(code_of(number), number % 3, state).document() for number, state in enumerate(kept)
    ]
    if documents:
        await dossiers.insert_many(documents)


def every_scope() -> Iterator[Scope]:
    """Every choice of dimensions, and some of them looked at alone."""
    for size in range(len(Dimension) + 1):
        for by in combinations(Dimension, size):
            yield Scope(by)
    yield Scope(BY_UNIT.by, {Dimension.UNIT: UNITS[:2]})
    yield Scope((Dimension.CHANNEL,), {Dimension.FIELD: ["unknown", FIELDS["1.013831"]]})
    yield Scope((), {Dimension.UNIT: UNITS[1:2], Dimension.CHANNEL: ["counter", "online"]})
    yield Scope(BY_UNIT.by, {Dimension.UNIT: ["H29.999"]})


def counted_by_hand(
    kept: Sequence[Sla], read: Reading, scope: Scope
) -> dict[tuple[str, ...], Counter[str]]:
    sums: dict[tuple[str, ...], Counter[str]] = {}
    for state in kept:
        found = by_hand(state, read)
        if found is None:
            continue
        dimensions, said = found
        if all(dimensions[d] in values for d, values in scope.only.items()):
            key = tuple(dimensions[d] for d in scope.by)
            sums.setdefault(key, Counter(dict.fromkeys(MEASURES, 0))).update(said)
    return sums


async def agrees(sheet: Sheet, kept: Sequence[Sla], scope: Scope) -> None:
    """The table is the one that is counted by hand, and all of it reconciles."""
    found = await sheet.count(scope)
    expected = counted_by_hand(kept, sheet.reading, scope)
    rows = {tuple(row[d.value] for d in scope.by): row for row in found.rows}
    assert list(rows) == sorted(expected)
    for key, row in rows.items():
        assert {name: row[name] for name in MEASURES} == dict(expected[key])
    assert found.total == {m: sum(row[m] for row in found.rows) for m in MEASURES}
    for row in (*found.rows, found.total):
        assert row["carried_over"] + row["received"] == row["resolved"] + row["open"]


REAL_DATABASE = hypothesis_settings(
    examples(0.5),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@REAL_DATABASE
@given(
    kept=st.lists(states(), min_size=15, max_size=30),
    extended=st.sampled_from(["on-time", "late"]),
    now=st.sampled_from([NOW, LATER]),
)
async def test_the_database_counts_as_one_would_by_hand(
    database: Database, kept: list[Sla], extended: Any, now: datetime
) -> None:
    await keep(database, [*kept, REGISTERED_ONLY])
    read = Reading(JULY, min(now, JULY.until), extended, FIELDS)
    for scope in every_scope():
        await agrees(figures(database["dossiers"], read), kept, scope)


@hypothesis_settings(REAL_DATABASE, max_examples=examples(0.15).max_examples)
@given(kept=st.lists(states(), min_size=15, max_size=30))
async def test_behind_every_number_are_as_many_dossiers(
    database: Database, kept: list[Sla]
) -> None:
    await keep(database, kept)
    sheet = figures(database["dossiers"], reading(JULY, NOW, RULES))
    scope = Scope((), {Dimension.UNIT: UNITS[:2]})
    for of, total in ((ALL, await sheet.count(ALL)), (scope, await sheet.count(scope))):
        for measure in MEASURES:
            rows = await sheet.dossiers(of, measure)
            assert len(rows) == total.total[measure]
            assert all(measure in row["counts"] for row in rows)
            assert [row["code"] for row in rows] == sorted(row["code"] for row in rows)
            assert await in_pages(sheet, of, measure) == rows


async def in_pages(sheet: Sheet, scope: Scope, measure: str, size: int = 4) -> list[Any]:
    found: list[Any] = []
    after = ""
    while page := await sheet.dossiers(scope, measure, after=after, limit=size):
        assert len(page) <= size
        assert page[0]["code"] > after
        found += page
        after = page[-1]["code"]
    return found


@hypothesis_settings(REAL_DATABASE, max_examples=examples(0.15).max_examples)
@given(kept=st.lists(states(), min_size=15, max_size=30))
async def test_frozen_figures_are_the_live_ones_of_their_moment_down_to_the_dossiers(
    database: Database, kept: list[Sla]
) -> None:
    await keep(database, kept)
    for name in (snapshots.SNAPSHOTS, ROWS, CELLS):
        await database[name].delete_many({})
    assert await freeze(database, JULY, RULES, LATER) is Freezing.FROZEN
    of = await frozen(database, "2025-07")
    sheet = figures(database["dossiers"], reading(JULY, LATER, RULES))
    for scope in every_scope():
        assert await snapshots.count(database, of, scope) == await sheet.count(scope)
    assert of.total == (await sheet.count(ALL)).total
    for scope in (ALL, Scope((), {Dimension.UNIT: UNITS[:2]})):
        for measure in MEASURES:
            rows = await snapshots.dossiers(database, of, scope, measure)
            assert rows == await sheet.dossiers(scope, measure)
            for size in (1, 3):
                first = await snapshots.dossiers(database, of, scope, measure, limit=size)
                assert first == rows[:size]
                if first:
                    after = first[-1]["code"]
                    rest = await snapshots.dossiers(database, of, scope, measure, after=after)
                    assert rest == rows[size:]


# -- what the figures say -----------------------------------------------------------------


def at(day: int, hour: int = 9) -> datetime:
    """A time of July 2025 in Vietnam, whose 1st is a Tuesday; after the 31st, of August."""
    return JULY.since + timedelta(days=day - 1, hours=hour)


class City:
    """Dossiers as sla's own decisions make them: three working days each, at one unit."""

    def __init__(self, database: Database, book: Any = None) -> None:
        self.database = database
        self.rules = Rules(CATALOGUE, calendars(), book) if book else RULES
        self._decider = SlaDecider(self.rules)
        self._store = Store(database["dossiers"], Sla)

    async def told(self, number: int, *facts: tuple[datetime, Any]) -> str:
        """A dossier about which these facts become known, in whatever order."""
        code = code_of(number)
        stored = (await self._store.load([code])).get(code)
        stored = stored or Stored(code, number % 3, self._decider.initial(code))
        for time, data in facts:
            mark = f"{code}/{time.isoformat()}/{type(data).__name__}"
            handle(self._decider, stored, Event(mark, "/tests", code, time, data))
        await self._store.persist([stored])
        return code

    async def total(self, of: Period = JULY, now: datetime = LATER) -> dict[str, int]:
        """The figures of a period, those that are not 0."""
        sheet = figures(self.database["dossiers"], reading(of, now, self.rules))
        return some((await sheet.count(ALL)).total)


def some(numbers: dict[str, int]) -> dict[str, int]:
    """The numbers that are not 0."""
    return {name: number for name, number in numbers.items() if number}


def received(unit: str = "H29.101") -> EventData:
    return facts.received("1.004873", unit)


def routed(unit: str = "H29.101") -> EventData:
    return facts.routed(unit, "1.004873", "short")


PROCESSED = facts.processed("H29.101")


async def frozen(database: Database, name: str) -> Snapshot:
    found = await snapshots.snapshot(database, name)
    assert found is not None
    return found


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


async def test_a_dossier_that_was_handed_over_counts_where_it_was_when_the_period_ended(
    database: Database,
) -> None:
    city = City(database)
    moved = facts.handed_over("H29.102")
    await city.told(1, (at(1), received()), (at(1), routed()), (at(10), moved))

    async def units(of: Period) -> list[str]:
        sheet = figures(database["dossiers"], reading(of, LATER, RULES))
        return [row["unit"] for row in (await sheet.count(BY_UNIT)).rows]

    assert await units(Period(at(1), at(10))) == ["H29.101"]
    assert await units(JULY) == ["H29.102"]


SECOND_DATE = Sla(
    span=Span(at(1), at(10), PublicStatus.PROCESSED),
    procedure="1.004873",
    receiving_unit="H29.101",
    channel="counter",
    level="partial",
    letters=(Letter(at(3), "l", at(11), at(4), True, "04/2025-03"),),
    assessment=Assessment(
        budget=0,
        used=0,
        due=None,
        original_due=at(4),
        running=False,
        first_breach_at=at(4),
        extended_at=at(3),
    ),
)
"""It missed its first date, and kept the one in the letter."""


def read_as(extended: str) -> Rules:
    """The rules with another reading of a dossier that kept its second date alone."""
    figures = RULES.book.figures.model_copy(update={"extended": extended})
    return Rules(CATALOGUE, calendars(), RULES.book.model_copy(update={"figures": figures}))


async def test_the_second_date_alone_is_kept_as_the_rules_read_it(database: Database) -> None:
    await keep(database, [SECOND_DATE])
    on_time = {"received": 1, "resolved": 1, "kept_second_date": 1, "extended": 1}
    late = {**on_time, "resolved_late": 1, "late_with_letter": 1}
    for extended, expected in (("on-time", on_time), ("late", late)):
        sheet = figures(database["dossiers"], reading(JULY, LATER, read_as(extended)))
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
        assert state.assessment is not None
        breach = state.assessment.breach_at
        expected.update(["open", f"age_{age(came, moment)}"])
        late = breach is not None and breach < moment
        expected.update([f"overdue_{age(breach, moment)}" if late and breach else "in_time"])
    read = reading(Period(moment, moment), LATER, RULES)
    sheet = backlog(database["dossiers"], read, OFFICE_TIME)
    table = await sheet.count(BY_UNIT)
    assert some(table.total) == dict(expected)
    for row in (*table.rows, table.total):
        assert row["open"] == sum(row[f"age_{name}"] for name, _, _ in AGES)
        assert row["open"] == row["in_time"] + sum(row[f"overdue_{name}"] for name, _, _ in AGES)
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


# -- freezing -----------------------------------------------------------------------------


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
    return (await figures(database["dossiers"], reading(JULY, LATER, RULES)).count(ALL)).total


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
    sheet = figures(database["dossiers"], reading(JULY, LATER, RULES))
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
        await live.prepare(database["dossiers"])
        await snapshots.prepare(database)
    read = reading(JULY, LATER, RULES)
    plan = await database.command(
        "explain",
        {"find": "dossiers", "filter": read.selection(1)},
        verbosity="queryPlanner",
    )
    assert '"indexName": "figures"' in str(plan["queryPlanner"]["winningPlan"]).replace("'", '"')
    assert (await figures(database["dossiers"], read).count(ALL)).total == total
    await freeze(database, JULY, RULES, LATER)
    await is_whole(database, total)
