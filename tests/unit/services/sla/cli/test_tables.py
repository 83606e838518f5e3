"""The report in the terminal: no number is ever cut, however narrow; the sums are proven."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console, RenderableType

from services.sla.cli.tables import (
    backlog_table,
    changes_table,
    dossiers_table,
    figures_table,
    snapshots_table,
)
from services.sla.figures.backlog import BACKLOG
from services.sla.figures.counting import MEASURES
from services.sla.figures.rates import RATES, rates

SINCE, UNTIL = datetime(2025, 6, 30, 17, tzinfo=UTC), datetime(2025, 7, 31, 17, tzinfo=UTC)


def rendered(table: RenderableType, width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(table, crop=False)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def numbers(scale: int = 1) -> dict[str, Any]:
    """A city's month; carried over + received = resolved + open."""
    found = {name: scale * (1_000 + place) for place, name in enumerate(MEASURES)}
    found |= {"carried_over": scale * 1_234_567, "received": scale * 2_345_678}
    found |= {
        "resolved": scale * 3_000_000,
        "open": scale * 580_245,
        "resolved_late": scale * 4_321,
    }
    return found


def figures(*by: str, **more: Any) -> dict[str, Any]:
    row = {"unit": "H29.101", "unit_name": "Ủy ban nhân dân phường Sài Gòn", "field": "land"}
    total = numbers(3)
    return {
        "period": "2025-07",
        "since": SINCE,
        "until": UNTIL,
        "as_of": UNTIL,
        "extended": "on-time",
        "by": list(by),
        "rows": [{**row, **numbers(n), **rates(numbers(n))} for n in (1, 2)] if by else [],
        "total": {**total, **rates(total)},
        **more,
    }


@pytest.mark.parametrize("width", [40, 80, 100, 120, 160, 240])
@pytest.mark.parametrize("by", [(), ("unit",), ("unit", "field")])
def test_no_number_is_cut_however_narrow_the_terminal(width: int, by: tuple[str, ...]) -> None:
    shown = figures(*by)
    text = rendered(figures_table(shown, width), width)
    for row in (*shown["rows"], shown["total"]):
        for name in ("resolved", "resolved_late", "open", "open_late", "late_without_letter"):
            assert f"{row[name]:,}" in text
        assert row["on_time_of_resolved"] in text
        assert row["on_time_decision_766"] in text


def test_the_foot_has_the_balance_and_the_three_rates_by_their_names() -> None:
    text = rendered(figures_table(figures("unit"), 200), 200)
    assert "kỳ trước chuyển qua 3,703,701 + tiếp nhận 7,037,034 = đã giải quyết 9,000,000" in text
    assert "✓" in text
    for rate in RATES:
        assert f"{rate.vi} / {rate.en}" in text
        assert f"{rate(numbers(3))} %" in text


def test_a_balance_that_does_not_reconcile_is_shouted() -> None:
    shown = figures("unit")
    shown["total"]["open"] += 1
    assert "does not reconcile" in rendered(figures_table(shown, 200), 200)


def test_what_has_nothing_to_be_on_time_has_no_figure() -> None:
    empty = dict.fromkeys(MEASURES, 0)
    shown = figures("unit", rows=[], total={**empty, **rates(empty)})
    assert rendered(figures_table(shown, 200), 200).count("no figure") == 3


def judged(**known: int) -> dict[str, Any]:
    """A ward's month in which so many dossiers were unjudged."""
    found = {
        **dict.fromkeys(MEASURES, 0),
        **{"carried_over": 412, "received": 1_208, "resolved": 1_180, "resolved_late": 17},
        **{"open": 440, "open_late": 12, "late_without_letter": 9},
        **known,
    }
    return {**found, **rates(found), "unit": "H29.101", "unit_name": None}


UNJUDGED = {"unjudged": 8, "resolved_unjudged": 5, "open_unjudged": 3}


@pytest.mark.parametrize("width", [80, 120])
def test_letters_in_time_late_and_missing_have_a_count_each(width: int) -> None:
    row = judged(letter_in_time=1_004, letter_late=12, late_with_letter=1_016)
    text = rendered(figures_table(figures("unit", rows=[row], total=row), width), width)
    line = "Thư xin lỗi / Letters: đúng thời hạn / in time 1,004 · chậm / late 12 · chưa có /"
    assert line in " ".join(text.split())
    assert "missing 9" in text
    none = judged(late_without_letter=0)
    text = rendered(figures_table(figures("unit", rows=[none], total=none), width), width)
    assert "Letters" not in text


@pytest.mark.parametrize("width", [80, 120])
def test_what_could_not_be_judged_has_a_column_and_a_footnote(width: int) -> None:
    row = judged(**UNJUDGED)
    text = rendered(figures_table(figures("unit", rows=[row], total=row), width), width)
    assert max(map(len, text.splitlines())) <= width
    (line,) = (line for line in text.splitlines() if "H29.101" in line)
    assert line.split()[-1] == "8"
    flat = " ".join(text.split())
    assert (
        "8 hồ sơ chưa đủ căn cứ đánh giá, không tính vào tỷ lệ nào / "
        "8 dossiers could not be judged and are in no rate"
    ) in flat
    assert "Đã giải quyết, chưa đủ căn cứ đánh giá / Resolved, unjudged: 5" in flat
    assert "Đang giải quyết, chưa đủ căn cứ đánh giá / Open, unjudged: 3" in flat
    assert "1,158 / 1,175" in flat
    assert "✓" in flat


def test_where_there_is_no_room_for_the_column_the_footnote_stays() -> None:
    row = judged(**UNJUDGED) | {"field": "civil-status"}
    text = rendered(figures_table(figures("unit", "field", rows=[row], total=row), 80), 80)
    assert "no basis" not in " ".join(text.split())
    assert "8 hồ sơ chưa đủ căn cứ đánh giá" in text


def test_where_everything_was_judged_nothing_is_said_of_it() -> None:
    row = judged()
    text = rendered(figures_table(figures("unit", rows=[row], total=row), 120), 120)
    for word in ("căn", "basis", "judged"):
        assert word not in text


def test_one_dossier_is_one() -> None:
    row = judged(unjudged=1, open_unjudged=1)
    text = rendered(figures_table(figures("unit", rows=[row], total=row), 160), 160)
    assert "1 dossier could not be judged and is in no rate" in text


def test_a_title_says_whether_the_figures_are_final() -> None:
    day = datetime(2025, 7, 10, 2, tzinfo=UTC)
    assert "01/07/2025 – 31/07/2025" in rendered(figures_table(figures("unit"), 120), 120)
    running = rendered(figures_table(figures("unit", as_of=day), 120), 120)
    assert "not over: late as of 10/07/2025 09:00" in running
    published = rendered(figures_table(figures("unit", frozen_at=day), 120), 120)
    assert "frozen 10/07/2025 09:00" in published
    late = rendered(figures_table(figures("unit", extended="late"), 120), 120)
    assert "a second date alone counts as late" in late


def test_changes_have_their_signs_and_no_change_is_said() -> None:
    nothing = dict.fromkeys(MEASURES, 0)
    row = {**nothing, "unit": "H29.101", "unit_name": None, "resolved": 2, "open": -1_000}
    text = rendered(changes_table(figures("unit", rows=[row], total=row), 120), 120)
    assert "+2" in text
    assert "-1,000" in text
    assert "late" not in text
    assert "Nothing was entered" in rendered(changes_table(figures("unit", rows=[]), 120), 120)


def test_the_backlog_has_every_age_twice() -> None:
    counts = {name: 10_000 + place for place, name in enumerate(BACKLOG)}
    shown = {"at": UNTIL, "by": ["unit"], "rows": [], "total": counts}
    for width in (60, 120):
        text = rendered(backlog_table(shown, width), width)
        assert all(f"{number:,}" in text for number in counts.values())
        assert text.count("41+") == 2


def test_the_backlog_says_how_many_are_neither_in_time_nor_overdue() -> None:
    counts = {name: place for place, name in enumerate(BACKLOG)} | {"unjudged": 8}
    for width in (60, 120):
        shown = {"at": UNTIL, "by": ["unit"], "rows": [], "total": counts}
        text = " ".join(rendered(backlog_table(shown, width), width).split())
        assert "8 dossiers could not be judged" in text
        shown["total"] = {**counts, "unjudged": 0}
        assert "judged" not in rendered(backlog_table(shown, width), width)


def test_a_list_of_dossiers_has_vietnams_times() -> None:
    row = {
        "code": "H29.15-250704-0001",
        "unit": "H29.101",
        "procedure": "1.004873",
        "procedure_name": None,
        "received_at": SINCE,
        "ended_at": None,
        "late_since": UNTIL,
        "counts": ["received", "open", "open_late"],
    }
    text = rendered(dossiers_table([row], "Open", 140), 140)
    assert "01/07/2025 00:00" in text
    assert "1.004873" in text
    assert "unjudged" not in text
    unjudged = {**row, "late_since": None, "counts": ["received", "open", "unjudged"]}
    assert "unjudged" in rendered(dossiers_table([unjudged], "Open", 140), 140)


def test_what_is_frozen_is_listed_with_its_rates() -> None:
    item = {"period": "2025-07", "frozen_at": UNTIL, **numbers(), **rates(numbers())}
    text = rendered(snapshots_table([item], 120), 120)
    assert "2025-07" in text
    assert "3,000,000" in text
    assert item["on_time_of_resolved"] in text
    assert "basis" in text
    assert "basis" not in rendered(snapshots_table([{**item, "unjudged": 0}], 120), 120)
