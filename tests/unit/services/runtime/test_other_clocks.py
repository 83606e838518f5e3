"""What is wrong between the machine's clock and others, and by how much."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.runtime.other_clocks import database_fault, log_fault

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("apart", [-10.0, -3.0, 0.0, 10.0])
def test_clocks_within_the_limit_agree(apart: float) -> None:
    other = NOON + timedelta(seconds=apart)
    assert database_fault(NOON, other, timedelta(), 10.0) is None
    assert log_fault(NOON, {0: other}, 10.0) is None


@pytest.mark.parametrize("apart", [-10.001, 10.001, 86_400.0, -86_400.0])
def test_a_database_whose_time_is_another_is_told_with_both_times(apart: float) -> None:
    other = NOON + timedelta(seconds=apart)
    said = database_fault(NOON, other, timedelta(), 10.0)
    assert said is not None
    assert NOON.isoformat() in said
    assert other.isoformat() in said
    assert said.endswith(f"{abs(apart):,.0f} s apart")


def test_an_answer_that_took_long_is_as_uncertain() -> None:
    other = NOON + timedelta(seconds=12)
    assert database_fault(NOON, other, timedelta(seconds=2), 10.0) is None
    assert database_fault(NOON, other, timedelta(seconds=1), 10.0)


def test_records_that_came_long_ago_say_nothing_and_later_ones_say_that_it_is_late() -> None:
    old, new = NOON - timedelta(days=400), NOON + timedelta(seconds=61)
    assert log_fault(NOON, {0: old, 1: NOON}, 60.0) is None
    said = log_fault(NOON, {0: old, 1: new, 2: NOON}, 60.0)
    assert said is not None
    assert "partition 1" in said
    assert NOON.isoformat() in said
    assert new.isoformat() in said
    assert said.endswith("61 s later")
