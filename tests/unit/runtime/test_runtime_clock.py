"""Where the time comes from: the wall of a live city, the ticks of a recorded one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.runtime.clock import BEGINNING, StreamClock, WallClock

NOON = datetime(2024, 3, 7, 12, 0, tzinfo=UTC)


def test_the_wall_clock_tells_the_time_in_utc_to_the_millisecond() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    now = WallClock().now()
    assert before <= now <= datetime.now(UTC)
    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0


def test_the_wall_clock_tells_every_partition_the_same() -> None:
    assert WallClock().now(4) - WallClock().now() < timedelta(seconds=5)


def test_the_stream_clock_begins_before_everything() -> None:
    assert StreamClock().now(0) == BEGINNING


def test_a_tick_moves_its_own_partition_and_no_other() -> None:
    clock = StreamClock()
    clock.tick(1, NOON)
    assert clock.now(1) == NOON
    assert clock.now(2) == BEGINNING


def test_time_never_goes_back() -> None:
    clock = StreamClock()
    clock.tick(1, NOON)
    clock.tick(1, NOON - timedelta(hours=1))
    assert clock.now(1) == NOON


def test_new_records_get_the_highest_time_that_was_seen() -> None:
    clock = StreamClock()
    clock.tick(1, NOON)
    clock.tick(2, NOON + timedelta(hours=1))
    assert clock.now() == NOON + timedelta(hours=1)


def test_new_records_before_the_first_tick_get_the_time_of_the_wall() -> None:
    assert abs(StreamClock().now() - datetime.now(UTC)) < timedelta(seconds=5)
