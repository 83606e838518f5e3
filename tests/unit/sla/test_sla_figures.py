"""The on-time rate is made of two integers, and never flatters."""

from __future__ import annotations

import pytest

from services.sla.figures import rate, total


def row(resolved: int, late: int, **other: int) -> dict[str, int]:
    counts = {"carried_over": 0, "received": 0, "open": 0, "open_late": 0}
    return {**counts, "resolved": resolved, "resolved_late": late, **other}


@pytest.mark.parametrize(
    ("resolved", "late", "shown"),
    [
        (0, 0, None),
        (1, 0, "100.00"),
        (1, 1, "0.00"),
        (3, 1, "66.67"),
        (3, 2, "33.33"),
        (22_600_000, 37_000, "99.84"),
        (1_000_000, 1, "99.99"),
        (1_000_000, 0, "100.00"),
        (20_000, 1, "99.99"),
    ],
)
def test_the_rate_is_the_share_on_time_in_percent(
    resolved: int, late: int, shown: str | None
) -> None:
    assert rate(row(resolved, late)) == shown


def test_the_citys_row_is_the_sum_of_its_units_and_its_rate_is_made_of_the_sums() -> None:
    city = total([row(1, 1, carried_over=2, received=1, open=2), row(3, 0, received=4, open=1)])
    assert city == {
        "carried_over": 2,
        "received": 5,
        "resolved": 4,
        "resolved_late": 1,
        "open": 3,
        "open_late": 0,
        "on_time_rate": "75.00",
    }


def test_a_city_without_units_has_no_figure() -> None:
    assert total([])["on_time_rate"] is None
