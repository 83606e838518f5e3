"""A fault drill ends the process at its point, at its pass, as the kernel would."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from services.runtime.loop.faults import Faults, Point
from tests.support.paths import ROOT


def passes(stop_at: str, times: int) -> tuple[int, str]:
    """What a process came to that passes two points so many times: its end, its words."""
    program = (
        "from services.runtime.loop.faults import Faults, Point\n"
        f"faults = Faults({stop_at!r})\n"
        f"for number in range(1, {times} + 1):\n"
        "    faults.passing(Point.DECIDED)\n"
        "    faults.passing(Point.PERSISTED)\n"
        "    print(number, flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def test_the_process_ends_by_sigkill_at_the_pass_that_was_asked_for() -> None:
    assert passes("persisted:3", 5) == (-signal.SIGKILL, "1\n2\n")


def test_the_first_pass_is_meant_if_no_number_is_given() -> None:
    assert passes("persisted", 5) == (-signal.SIGKILL, "")


def test_a_point_that_is_not_passed_so_often_ends_nothing() -> None:
    assert passes("persisted:3", 2) == (0, "1\n2\n")


@pytest.mark.parametrize("stop_at", [None, ""])
def test_without_a_drill_nothing_happens(stop_at: str | None) -> None:
    faults = Faults(stop_at)
    for point in Point:
        faults.passing(point)


def test_a_point_that_does_not_exist_is_refused_and_those_that_do_are_named() -> None:
    with pytest.raises(ValueError, match=r"no such point: 'persist'; there are received, .*told"):
        Faults("persist:2")


def test_only_the_pass_that_was_asked_for_ends_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    monkeypatch.setattr("os.kill", lambda _, number: killed.append(number))
    faults = Faults("loaded:2")
    for expected in (0, 1, 1):
        faults.passing(Point.DECIDED)
        faults.passing(Point.LOADED)
        assert len(killed) == expected
