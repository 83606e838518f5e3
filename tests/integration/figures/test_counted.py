"""Figures on real MongoDB: counted as one would by hand, and opened to the dossiers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from services.runtime.mongo.client import Database
from services.shared.lifecycle import PublicStatus
from services.sla.dossier.state import Sla, unit_at
from services.sla.figures.counting import MEASURES, PeriodCount, fields_of, period_count
from services.sla.figures.figures import Sheet, figures
from services.sla.figures.snapshots import snapshots
from services.sla.figures.snapshots.freeze import FreezeResult as Freezing
from services.sla.figures.snapshots.freeze import freeze
from services.sla.figures.snapshots.snapshots import CELLS, ROWS
from services.sla.figures.tables import Dimension, Scope
from tests.support.figures import (
    ALL,
    BY_UNIT,
    CATALOGUE,
    JULY,
    LATER,
    NOW,
    REAL_DATABASE,
    RULES,
    UNITS,
    frozen,
    keep,
    states,
)
from tests.support.properties import examples

pytestmark = pytest.mark.integration

FIELDS = fields_of(CATALOGUE)


DELAYS = (
    ("0_1", -1, 1),
    ("1_2", 1, 2),
    ("2_5", 2, 5),
    ("5_10", 5, 10),
    ("10_up", 10, 10**6),
)
"""In working days: more than the first, and up to the second."""


def by_hand(state: Sla, read: PeriodCount) -> tuple[dict[str, str], set[str]] | None:
    """A dossier's dimensions and all that it counts as; None if it is not of the period."""
    since, until = read.period.since, read.period.until
    received, ended = state.span.received_at, state.span.ended_at
    if received is None or received >= until or (ended is not None and ended < since):
        return None
    resolved = ended is not None and ended < until
    now = state.assessment
    unjudged = state.unjudged is not None
    assert (now is None) == unjudged
    first = now.first_breach_at if now else None
    second = now.breach_at if now else None
    breach = first if read.extended == "late" else second
    late = breach is not None and breach < (until if resolved else read.as_of)

    def happened(moment: datetime | None) -> bool:
        return moment is not None and moment < until

    repeated = now is not None and happened(now.repeated_at)
    # Of a dossier that had ended by then, what was made good afterwards counts, too.
    letter = state.letters[0].at if state.letters else None
    letter = letter if resolved or happened(letter) else None
    letter_by = now.letter_by if now else None
    in_time = letter is not None and (letter_by is None or letter <= letter_by)
    exempt = state.exemption is not None and (resolved or happened(state.exemption.at))
    said = {
        "carried_over": received < since,
        "received": received >= since,
        "resolved": resolved,
        "resolved_late": resolved and late,
        "resolved_repeated": resolved and not late and repeated,
        "kept_second_date": resolved and happened(first) and not happened(second),
        "withdrawn": resolved and state.span.ended is PublicStatus.WITHDRAWN,
        "open": not resolved,
        "open_late": not resolved and late,
        "open_repeated": not resolved and not late and repeated,
        "extended": now is not None and happened(now.extended_at),
        "late_with_letter": late and letter is not None,
        "letter_in_time": late and in_time,
        "letter_late": late and letter is not None and not in_time,
        "late_without_letter": late and letter is None and not exempt,
        "exempt": exempt,
        "unjudged": unjudged,
        "resolved_unjudged": resolved and unjudged,
        "open_unjudged": not resolved and unjudged,
    }
    taken = happened(state.breach_taken_back) and not late and not unjudged
    delays = [one.seconds / 28_800 for one in state.entered_late if since <= one.at < until]
    said |= {
        "taken_back": taken,
        "resolved_taken_back": taken and resolved,
        "taken_back_unrepeated": taken and not repeated,
        "entered_late": bool(delays),
    }
    for name, over, up_to in DELAYS:
        said[f"entered_late_{name}"] = bool(delays) and over < max(delays) <= up_to
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


REGISTERED_ONLY = Sla()
"""Of which nobody knows more than that it is there."""


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
    kept: Sequence[Sla], read: PeriodCount, scope: Scope
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
        assert row["unjudged"] == row["resolved_unjudged"] + row["open_unjudged"]
        assert row["entered_late"] == sum(row[f"entered_late_{name}"] for name, *_ in DELAYS)


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
    read = PeriodCount(JULY, min(now, JULY.until), extended, FIELDS)
    for scope in every_scope():
        await agrees(figures(database["dossiers"], read), kept, scope)


@hypothesis_settings(REAL_DATABASE, max_examples=examples(0.15).max_examples)
@given(kept=st.lists(states(), min_size=15, max_size=30))
async def test_behind_every_number_are_as_many_dossiers(
    database: Database, kept: list[Sla]
) -> None:
    await keep(database, kept)
    sheet = figures(database["dossiers"], period_count(JULY, NOW, RULES))
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
    sheet = figures(database["dossiers"], period_count(JULY, LATER, RULES))
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
