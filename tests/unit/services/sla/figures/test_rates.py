"""The three on-time rates are made of integers, and neither flatter nor slander."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sla.figures.counting import MEASURES
from services.sla.figures.rates import (
    DECISION_766,
    OF_ALL_TO_PROCESS,
    OF_RESOLVED,
    SHOWN,
    percent,
    rates,
)


def numbers(**known: int) -> dict[str, int]:
    return {**dict.fromkeys(MEASURES, 0), **known}


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (0, 0, None),
        (1, 1, "100.00"),
        (0, 1, "0.00"),
        (2, 3, "66.67"),
        (1, 3, "33.33"),
        (22_563_000, 22_600_000, "99.84"),
        (999_999, 1_000_000, "99.99"),
        (1_000_000, 1_000_000, "100.00"),
        (19_999, 20_000, "99.99"),
        (1, 1_000_000, "0.01"),
        (1, 20_000, "0.01"),
        (10**18 - 1, 10**18, "99.99"),
    ],
)
def test_all_is_said_of_all_alone_and_nothing_of_none(
    part: int, whole: int, shown: str | None
) -> None:
    assert percent(part, whole) == shown


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_share_is_within_a_hundredth_of_what_it_is(part: int, rest: int) -> None:
    whole = part + rest
    shown = percent(part, whole)
    if shown is None:
        assert whole == 0
        return
    assert abs(Decimal(shown) - Decimal(100 * part) / whole) <= Decimal("0.01")
    assert (shown == "100.00") == (rest == 0)
    assert (shown == "0.00") == (part == 0)


def test_of_those_resolved_nothing_counts_but_what_was_resolved() -> None:
    july = numbers(resolved=4, resolved_late=1, open=100, open_late=100, received=104)
    assert OF_RESOLVED(july) == "75.00"
    assert OF_RESOLVED(numbers(open=3, open_late=1, received=3)) is None


def test_by_decision_766_what_is_open_in_time_counts_too() -> None:
    july = numbers(carried_over=2, received=8, resolved=4, resolved_late=1, open=6, open_late=2)
    assert DECISION_766(july) == "70.00"  # three resolved in time and four open in time, of ten
    assert DECISION_766(numbers(open=3, received=3)) == "100.00"


def test_by_decision_766_a_second_demand_for_a_supplement_counts_as_late() -> None:
    july = numbers(
        received=10, resolved=4, resolved_late=1, open=6, open_late=2,
        resolved_repeated=1, open_repeated=1,
    )  # fmt: skip
    assert DECISION_766(july) == "50.00"
    assert OF_RESOLVED(july) == "75.00"


def test_of_all_that_were_to_be_processed_what_is_still_open_counts_against() -> None:
    july = numbers(carried_over=2, received=8, resolved=4, resolved_late=1, open=6)
    assert OF_ALL_TO_PROCESS(july) == "30.00"


def test_what_could_not_be_judged_is_neither_a_part_nor_in_the_whole() -> None:
    july = numbers(carried_over=2, received=8, resolved=4, resolved_late=1, open=6, open_late=2)
    with_unjudged = numbers(
        carried_over=4, received=11, resolved=6, resolved_late=1, open=9, open_late=2,
        unjudged=5, resolved_unjudged=2, open_unjudged=3,
    )  # fmt: skip
    assert rates(with_unjudged) == rates(july)
    assert rates(july) == {
        "on_time_of_resolved": "75.00",
        "on_time_decision_766": "70.00",
        "on_time_of_all_to_process": "30.00",
        # By time of entry they are the same, as long as no late entry changed anything.
        "on_time_of_resolved_by_entry": "75.00",
        "on_time_decision_766_by_entry": "70.00",
        "on_time_of_all_to_process_by_entry": "30.00",
        "taken_back_share": "0.00",
    }


def test_what_only_a_late_entry_made_punctual_is_late_by_time_of_entry() -> None:
    july = numbers(
        carried_over=2, received=8, resolved=4, resolved_late=1, open=6, open_late=2,
        taken_back=2, resolved_taken_back=1, taken_back_unrepeated=2,
    )  # fmt: skip
    assert rates(july) == {
        "on_time_of_resolved": "75.00",
        "on_time_decision_766": "70.00",
        "on_time_of_all_to_process": "30.00",
        "on_time_of_resolved_by_entry": "50.00",
        "on_time_decision_766_by_entry": "50.00",
        "on_time_of_all_to_process_by_entry": "20.00",
        "taken_back_share": "40.00",
    }


def test_what_was_late_by_decision_766_anyway_is_not_taken_off_twice() -> None:
    july = numbers(
        received=2, resolved=2, resolved_repeated=1, taken_back=1, resolved_taken_back=1,
    )  # fmt: skip
    assert rates(july)["on_time_decision_766_by_entry"] == DECISION_766(july) == "50.00"


def test_of_nothing_but_unjudged_dossiers_there_is_no_figure() -> None:
    july = numbers(
        carried_over=1, received=2, resolved=1, open=2, unjudged=3, resolved_unjudged=1,
        open_unjudged=2,
    )  # fmt: skip
    assert set(rates(july).values()) == {None}


def test_nothing_to_be_on_time_is_no_figure_and_each_rate_has_its_name() -> None:
    assert rates(numbers()) == dict.fromkeys(rate.name for rate in SHOWN)
    assert len(rates(numbers())) == 7
