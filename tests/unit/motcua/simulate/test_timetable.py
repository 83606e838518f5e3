"""When the acts of a life are done: in their order, and early enough for all that follow."""

from __future__ import annotations

from itertools import permutations

import pytest

from motcua.simulate.timetable import Act, timetable

HOUR = 3600


def nothing() -> None:
    """What an act does here."""


def act(wanted: float, by: float | None = None) -> Act:
    return Act(int(wanted * HOUR), nothing, None if by is None else int(by * HOUR))


def hours(acts: list[Act]) -> list[float]:
    return [a.wanted / HOUR for a in acts]


def test_acts_are_done_when_they_are_wanted_if_there_is_room() -> None:
    assert hours(timetable([act(5), act(1), act(3)], HOUR, 8 * HOUR)) == [1, 3, 5]


def test_acts_of_the_same_time_keep_their_order() -> None:
    one, two = Act(HOUR, nothing), Act(HOUR, lambda: None)
    assert [a.do for a in timetable([one, two], HOUR, None)] == [one.do, two.do]


def test_what_comes_last_is_done_in_time_and_leaves_each_before_it_its_gap() -> None:
    assert hours(timetable([act(7), act(9), act(10)], HOUR, 8 * HOUR)) == [6, 7, 8]


def test_a_late_dossier_takes_its_time() -> None:
    assert hours(timetable([act(7), act(9)], HOUR, None)) == [7, 9]


def test_what_has_a_bound_of_its_own_brings_forward_what_comes_before_it() -> None:
    assert hours(timetable([act(3.5), act(4, by=4), act(7)], HOUR, None)) == [3, 4, 7]


def test_what_has_a_bound_of_its_own_goes_before_what_leaves_it_no_room() -> None:
    found = timetable([act(1), act(2), act(3, by=4), act(7)], 2 * HOUR, None)
    assert [a.by is not None for a in found] == [False, True, False, False]


@pytest.mark.parametrize("wanted", [*permutations((1, 2, 5, 7))])
def test_all_bounds_are_kept_where_the_gaps_leave_room_for_them(wanted: tuple[int, ...]) -> None:
    gap, latest = 2 * HOUR, 8 * HOUR
    first, *others = wanted
    now = 0
    for planned in timetable([act(first, by=3), *map(act, others)], gap, latest):
        now = max(now + gap, planned.wanted)
        assert planned.by is None or now <= planned.by
    assert now <= latest
