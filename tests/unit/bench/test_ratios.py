"""When a part is said to have become slower, and what is kept of how fast it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench.ratios import Change, Ratio, Verdict, compare
from tests.bench.ratios_file import PATH, read_ratios, table_of, write_ratios


def flat(median: float) -> Ratio:
    return Ratio(median, median, median)


def test_a_ratio_is_the_median_of_its_rounds_and_keeps_their_spread() -> None:
    assert Ratio.of([0.5, 0.2, 0.4]) == Ratio(0.4, 0.2, 0.5)


def test_of_no_round_there_is_no_ratio() -> None:
    with pytest.raises(ValueError, match="no round"):
        Ratio.of([])


@pytest.mark.parametrize(
    ("then", "now", "verdict", "share"),
    [
        (0.5, 0.5, Verdict.STANDS, "+0%"),
        (0.5, 0.45, Verdict.STANDS, "-10%"),
        (0.5, 0.4499, Verdict.FELL, "-10%"),
        (0.5, 0.25, Verdict.FELL, "-50%"),
        (0.5, 0.55, Verdict.STANDS, "+10%"),
        (0.5, 0.56, Verdict.ROSE, "+12%"),
        (2.0, 1.7, Verdict.FELL, "-15%"),
    ],
)
def test_a_part_fell_or_rose_if_by_more_than_a_tenth(
    then: float, now: float, verdict: Verdict, share: str
) -> None:
    change = Change("loops.sla", flat(then), flat(now))
    assert change.verdict is verdict
    assert f"{change.share:+.0%}" == share


def test_a_round_that_was_slow_is_noise_and_the_median_counts() -> None:
    (change,) = compare({"city": flat(0.5)}, {"city": Ratio.of([0.1, 0.5, 0.51])})
    assert change.verdict is Verdict.STANDS


def test_only_what_was_measured_is_compared_and_what_was_never_written_down_is_new() -> None:
    found = compare(
        {"city": flat(0.5), "timers": flat(0.5)}, {"city": flat(0.3), "loops.sla": flat(1)}
    )
    assert [(change.part, change.verdict) for change in found] == [
        ("city", Verdict.FELL),
        ("loops.sla", Verdict.NEW),
    ]
    assert found[1].share is None


def test_what_is_written_down_is_read_again_and_leaves_other_parts_alone(tmp_path: Path) -> None:
    path = tmp_path / "ratios.json"
    assert read_ratios(path) == {}
    write_ratios({"timers": flat(0.5), "city": flat(0.25)}, path)
    write_ratios({"city": Ratio(0.123456, 0.1, 0.2)}, path)
    assert read_ratios(path) == {"city": Ratio(0.1235, 0.1, 0.2), "timers": flat(0.5)}
    assert json.loads(path.read_text())["city"]["machine"]["cores"] >= 1


def test_a_ratio_is_committed_for_each_part() -> None:
    services = ("intake", "routing", "sla", "notify")
    assert read_ratios(PATH).keys() == {
        *(f"loops.{service}" for service in services),
        *(f"folding.{service}" for service in services),
        "city",
        "messages",
        "timers",
    }


def test_the_table_says_what_fell() -> None:
    table = table_of(compare({"city": flat(0.5)}, {"city": flat(0.3)}))
    assert [list(column.cells) for column in table.columns] == [
        ["city"],
        ["0.5 (0.5 to 0.5)"],
        ["0.3 (0.3 to 0.3)"],
        ["-40%"],
        ["fell"],
    ]
