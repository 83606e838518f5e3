"""States in memory: who hears of what, and which timer passes first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from services.runtime.core.in_memory import InMemory

NOON = datetime(2024, 3, 7, 12, 0, tzinfo=UTC)
LANE, OTHER = ("purses", 0), ("purses", 1)


def at(second: int) -> datetime:
    return NOON + timedelta(seconds=second)


def alarms(memory: InMemory, subject: str) -> int:
    return len(memory.states["purse"][subject].state.alarms)


def test_an_event_is_applied_once(purse: Any, say: Any) -> None:
    memory = InMemory([purse])
    event = say.note("a find")
    assert len(memory.apply(LANE, event)) == 2
    assert memory.apply(LANE, event) == []
    assert memory.knows(event)
    assert not memory.knows(say.note("another"))


def test_what_nobody_uses_changes_nothing(purse: Any, say: Any) -> None:
    memory = InMemory([purse])
    assert memory.apply(("elsewhere", 0), say.note("a find")) == []
    assert memory.states == {"purse": {}}


def test_the_longest_due_fires_first_and_only_before_the_time(purse: Any, say: Any) -> None:
    memory = InMemory([purse])
    for second, subject in ((30, "purse-2"), (10, "purse-1"), (20, "purse-3")):
        memory.apply(LANE, say.note(f"wake {second}", subject=subject))
    fired = [said[0].subject for said in memory.fire_due(at(30))]
    assert fired == ["purse-1", "purse-3"]
    assert memory.due(at(30)) is None
    assert [said[0].time for said in memory.fire_due(at(31))] == [at(30)]


def test_a_timer_that_was_moved_fires_at_its_new_time_alone(purse: Any, say: Any) -> None:
    memory = InMemory([purse])
    memory.apply(LANE, say.note("wake 30"))
    memory.apply(LANE, say.note("wake 5", at=1))
    assert [said[0].time for said in memory.fire_due(at(10))] == [at(6)]
    assert [said[0].time for said in memory.fire_due(at(60))] == [at(30)]
    assert alarms(memory, "purse-1") == 0


def test_time_passes_in_one_lane_alone(purse: Any, say: Any) -> None:
    memory = InMemory([purse])
    memory.apply(LANE, say.note("wake 5"))
    memory.apply(OTHER, say.note("wake 5", subject="purse-2"))
    assert [said[0].subject for said in memory.fire_due(at(10), OTHER)] == ["purse-2"]
    passed = memory.due(at(10))
    assert passed is not None
    assert passed.subject == "purse-1"
