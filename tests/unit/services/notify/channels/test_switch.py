"""Which provider takes the next message: a table of what had happened before."""

from __future__ import annotations

from random import Random

import pytest

from services.notify.channels.pace import BackOff, Bucket
from services.notify.channels.switch import Attempt, Switch, SwitchLimits

GOOD, BAD, SILENT = Attempt.ANSWERED, Attempt.FAILED, Attempt.SILENT
LIMITS = SwitchLimits(in_a_row=3, enough=10, rest=10, slow=5, sample=3, window=60)

Told = list[tuple[str, Attempt, float]]


def times(count: int, name: str, outcome: Attempt, seconds: float = 0.1) -> Told:
    return [(name, outcome, seconds)] * count


CASES: list[tuple[str, Told, str]] = [
    ("nothing is known", [], "a"),
    ("the first works", times(9, "a", GOOD), "a"),
    ("it failed, but not often enough", times(2, "a", BAD), "a"),
    ("it failed in a row", times(3, "a", BAD), "b"),
    ("one good answer between", times(2, "a", BAD) + times(1, "a", GOOD) + times(2, "a", BAD), "a"),
    ("half of the latest failed", (times(1, "a", GOOD) + times(1, "a", BAD)) * 5, "b"),
    ("a third of them did", (times(2, "a", GOOD) + times(1, "a", BAD)) * 5, "a"),
    ("it is slow, the second is unknown", times(9, "a", GOOD, 8), "a"),
    ("both are slow", times(9, "a", GOOD, 8) + times(9, "b", GOOD, 9), "a"),
    ("slow, the second less so", times(9, "a", GOOD, 19) + times(9, "b", GOOD, 6), "a"),
    ("slow, the second hardly known", times(9, "a", GOOD, 8) + times(2, "b", GOOD), "a"),
    ("the second is seen to be fast", times(9, "a", GOOD, 8) + times(3, "b", GOOD), "b"),
    ("a single slow answer", times(8, "a", GOOD) + times(1, "a", GOOD, 19), "a"),
    ("silent for once", times(2, "a", SILENT, 20), "a"),
    ("both are silent", times(3, "a", SILENT, 20) + times(3, "b", SILENT, 20), "a"),
    ("silent, the second answers", times(3, "a", SILENT, 20) + times(1, "b", GOOD), "b"),
    ("both fail", times(3, "a", BAD) + times(3, "b", BAD), "nobody"),
    ("the second fails", times(3, "b", BAD), "a"),
    ("slow, and the second fails", times(9, "a", GOOD, 8) + times(3, "b", BAD), "a"),
]


@pytest.mark.parametrize(("told", "picked"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_who_takes_the_next_message(told: Told, picked: str) -> None:
    switch = switched(told)
    # The look at a slow or silent first that is due at once: who takes those after it?
    switch.pick(1.0)
    assert (switch.pick(1.0) or "nobody") == picked


def switched(told: Told, at: float = 0.0) -> Switch:
    switch = Switch(("a", "b"), LIMITS)
    for name, outcome, seconds in told:
        switch.told(name, outcome, seconds, at)
    return switch


def test_both_slow_sends_not_one_message_to_the_second() -> None:
    switch = switched([])
    for second in range(600):
        assert switch.pick(second) == "a"
        switch.told("a", GOOD, 9.0, second)


def test_a_failing_first_is_tried_by_one_message_after_its_rest_and_is_good_again() -> None:
    switch = switched(times(3, "a", BAD))
    assert switch.failing("a")
    assert switch.pick(9.9) == "b"
    assert [switch.pick(10.0) for _ in range(3)] == ["a", "b", "b"]
    switch.told("a", BAD, 0.1, 10.5)
    assert switch.pick(20.4) == "b", "it rests again from then on"
    assert switch.pick(20.5) == "a"
    switch.told("a", GOOD, 0.1, 20.6)
    assert not switch.failing("a")
    assert {switch.pick(20.7) for _ in range(9)} == {"a"}


def test_while_both_fail_each_is_tried_by_one_message_after_its_rest() -> None:
    switch = switched(times(3, "a", BAD) + times(3, "b", BAD))
    assert switch.pick(5.0) is None
    assert switch.opens(5.0) == 5.0
    assert [switch.pick(10.0) for _ in range(3)] == ["a", "b", None]


def test_a_silent_first_lets_one_message_find_out_about_the_second() -> None:
    switch = switched(times(3, "a", SILENT, 20))
    assert [switch.pick(1.0) for _ in range(4)] == ["b", "a", "a", "a"]
    switch.told("b", SILENT, 20.0, 5.0)
    assert [switch.pick(6.0) for _ in range(2)] == ["a", "a"], "nobody is left for a silent one"
    assert [switch.pick(11.0) for _ in range(2)] == ["b", "a"], "it is looked at again"
    for second in (11.5, 11.6):
        switch.told("b", GOOD, 0.2, second)
    assert [switch.pick(12.0) for _ in range(3)] == ["a", "b", "b"]


def test_a_slow_first_is_looked_at_now_and_then_and_taken_back_when_it_is_fast() -> None:
    switch = switched(times(9, "a", GOOD, 8) + times(5, "b", GOOD))
    assert [switch.pick(1.0) for _ in range(3)] == ["a", "b", "b"]
    for second in (12.0, 23.0, 34.0, 45.0, 56.0, 67.0):
        switch.told("b", GOOD, 0.1, second - 1)
        assert switch.pick(second) == "a"
        switch.told("a", GOOD, 0.1, second)
    assert [switch.pick(68.0) for _ in range(3)] == ["a", "a", "a"]


def test_who_asks_to_be_left_alone_is_and_that_is_no_failure() -> None:
    switch = switched([])
    switch.close("a", 30.0)
    assert switch.pick(29.0) == "b"
    assert not switch.failing("a")
    assert switch.pick(30.0) == "a"
    switch.close("a", 60.0)
    switch.close("b", 50.0)
    assert switch.pick(31.0) is None
    assert switch.opens(31.0) == 19.0


def test_a_message_that_was_just_not_taken_goes_to_the_other() -> None:
    switch = switched([])
    assert switch.pick(0.0, frozenset({"a"})) == "b"
    assert switch.pick(0.0, frozenset({"a", "b"})) is None


def test_what_is_long_past_says_nothing() -> None:
    switch = switched((times(1, "a", GOOD) + times(1, "a", BAD)) * 4 + times(1, "a", GOOD))
    switch.told("a", BAD, 0.1, 61.0)
    assert switch.pick(62.0) == "a"


def test_the_pace_is_kept_and_nobody_overtakes() -> None:
    bucket = Bucket(10.0, now=100.0)
    assert [bucket.take(100.0) for _ in range(10)] == [0.0] * 10
    waits = [bucket.take(100.0) for _ in range(5)]
    assert waits == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    assert bucket.take(101.0) == 0.0, "a second later it is all worked off"


@pytest.mark.parametrize("rate", [0.5, 3.0, 250.0])
def test_never_more_than_the_rate_and_one_second_s_burst(rate: float) -> None:
    bucket = Bucket(rate, now=0.0)
    leaves = sorted(at + bucket.take(at) for at in (n * 0.001 for n in range(2000)))
    for begin in leaves[:: max(1, len(leaves) // 50)]:
        within = sum(begin <= leave < begin + 10 for leave in leaves)
        assert within <= rate * 10 + max(1.0, rate) + 1


class Drawn(Random):
    """Draws the same place of every range."""

    def __init__(self, place: float) -> None:
        super().__init__()
        self._place = place

    def uniform(self, a: float, b: float) -> float:
        return a + (b - a) * self._place


def test_waiting_doubles_up_to_a_most_and_is_drawn_from_all_of_it() -> None:
    back_off = BackOff(0.5, 60.0, Drawn(1.0))
    assert [back_off.after(n) for n in (1, 2, 3, 7, 8, 9, 500)] == [0.5, 1, 2, 32, 60, 60, 60]
    assert back_off.after(1, at_least=7.0) == 7.5
    assert BackOff(0.5, 60.0, Drawn(0.0)).after(9) == 0.0
