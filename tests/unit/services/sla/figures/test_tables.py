"""Cells of counts become tables: summed by what was asked for, each measure by its traits."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sla.figures.backlog import AGES, BACKLOG
from services.sla.figures.counting import MEASURES, TRAITS
from services.sla.figures.csv_table import csv_text
from services.sla.figures.query import wants_csv
from services.sla.figures.rates import rates
from services.sla.figures.tables import Dimension, Scope, met_by, table
from services.sla.figures.view import columns, lines

UNIT, FIELD = Dimension.UNIT, Dimension.FIELD


def cell(*key: Any, n: int = 1, **traits: bool) -> dict[str, Any]:
    return {"_id": [*key, *(traits.get(trait, False) for trait in TRAITS)], "n": n}


def test_cells_of_the_same_combination_are_added_and_rows_are_in_order() -> None:
    cells = [
        cell("H29.2", "land", n=3),
        cell("H29.1", "land", n=2, ended=True),
        cell("H29.2", "land", n=4, ended=True, late=True),
    ]
    found = table(cells, (UNIT, FIELD), TRAITS, MEASURES)
    assert [(row["unit"], row["resolved"], row["open"]) for row in found.rows] == [
        ("H29.1", 2, 0),
        ("H29.2", 4, 3),
    ]
    assert found.total["received"] == 9
    assert found.total["resolved_late"] == 4


def test_without_dimensions_there_is_one_row_and_of_nothing_none() -> None:
    assert table([cell(n=7)], (), TRAITS, MEASURES).rows[0]["open"] == 7
    nothing = table([], (UNIT,), TRAITS, MEASURES)
    assert nothing.rows == []
    assert set(nothing.total.values()) == {0}


@given(st.fixed_dictionaries({trait: st.booleans() for trait in TRAITS}))
def test_whatever_a_dossier_is_marked_with_it_reconciles(traits: dict[str, bool]) -> None:
    counts = met_by(traits, MEASURES)

    def among(*names: str) -> int:
        return sum(name in counts for name in names)

    assert among("carried_over", "received") == among("resolved", "open") == 1
    assert among("resolved_late") <= among("resolved")
    assert among("open_late") <= among("open")
    # What Decision 766 counts as late beside the late is not late already.
    assert among("resolved_late", "resolved_repeated", "open_late", "open_repeated") <= 1
    assert among("resolved_unjudged", "open_unjudged") == among("unjudged")
    assert among("resolved_unjudged") <= among("resolved")
    letters = among("late_with_letter", "late_without_letter")
    assert letters <= among("resolved_late", "open_late")
    if among("resolved_late", "open_late") and not traits["exempt"]:
        assert letters == 1


def test_every_mark_is_wanted_by_some_measure() -> None:
    assert {trait for measure in MEASURES.values() for trait in measure.traits} == set(TRAITS)


def test_a_dossier_of_the_backlog_has_one_age_and_is_in_time_or_overdue_for_one() -> None:
    places = [place for _, _, place in AGES]
    for age, overdue in product(places, [None, *places]):
        counts = met_by(
            {"age": age, "overdue": overdue, "unjudged": False, "unrouted": False}, BACKLOG
        )
        assert counts[0] == "open"
        assert sum(name.startswith("age_") for name in counts) == 1
        assert sum(name == "in_time" or name.startswith("overdue_") for name in counts) == 1
        assert "unjudged" not in counts


def test_an_unjudged_dossier_of_the_backlog_has_an_age_and_is_neither_in_time_nor_overdue() -> None:
    for name, _, place in AGES:
        counts = met_by(
            {"age": place, "overdue": None, "unjudged": True, "unrouted": True}, BACKLOG
        )
        assert counts == ["open", f"age_{name}", "unjudged", "unrouted"]


def test_a_cell_from_before_there_was_a_trait_counts_as_none_that_has_it() -> None:
    old = [True, *(False if trait != "unjudged" else None for trait in TRAITS[1:])]
    found = table([{"_id": old, "n": 5}], (), TRAITS, MEASURES)
    assert {name: n for name, n in found.total.items() if n} == {"carried_over": 5, "open": 5}
    assert rates(found.total)["on_time_decision_766"] == "100.00"


def test_ages_follow_one_another_without_a_gap() -> None:
    assert [name for name, _, _ in AGES] == ["0_1", "2_5", "6_10", "11_20", "21_40", "41_up"]


def test_the_last_line_of_a_csv_file_is_the_total() -> None:
    shown = {"by": ["unit"], "rows": [{"unit": "H29.1", "open": 2}], "total": {"open": 2}}
    text = csv_text(columns((UNIT,), ["open"]), lines(shown))
    assert text == "\ufeffunit,unit_name,open\r\nH29.1,,2\r\ntotal,,2\r\n"


@pytest.mark.parametrize("text", ["=1+1", "+84", "-1", "@SUM(A1)", "\tx", "＝1"])
def test_no_text_is_a_formula_to_a_spreadsheet(text: str) -> None:
    (line,) = csv_text(["a"], [{"a": text}]).splitlines()[1:]
    assert line.strip('"').startswith("'")


def test_a_number_stays_a_number_even_below_nought() -> None:
    assert csv_text(["a", "b"], [{"a": -3, "b": ["x", "y"]}]).splitlines()[1] == "-3,x y"


def test_text_with_commas_quotes_and_line_ends_comes_back_as_it_was() -> None:
    name = 'Sở Tư pháp, "phòng"\nmột'
    assert csv_text(["a"], [{"a": name}]) == '\ufeffa\r\n"Sở Tư pháp, ""phòng""\nmột"\r\n'


@pytest.mark.parametrize(
    ("accept", "csv"),
    [
        (None, False),
        ("*/*", False),
        ("text/csv", True),
        ("application/json", False),
        ("text/html,application/xhtml+xml,*/*;q=0.8", False),
        ("text/csv, */*;q=0.1", True),
        ("application/json, text/csv;q=0.9", False),
        ("application/json;q=0.5, TEXT/CSV;q=0.9", True),
        ("text/csv;q=0", False),
        ("text/csv;q=x", False),
        ("text/csv;header=present", True),
    ],
)
def test_a_reader_gets_the_format_that_they_prefer(accept: str | None, csv: bool) -> None:
    assert wants_csv(None, accept) is csv
    assert wants_csv("csv", accept) is True
    assert wants_csv("json", accept) is False


def test_a_scope_that_looks_at_all_has_no_stage_for_it() -> None:
    assert Scope((UNIT,)).match({"unit": "$unit"}) == []
