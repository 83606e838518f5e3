"""Where the time comes from: the wall of a live city, the ticks of a recorded one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime import metrics
from services.runtime.loop.clock import BEGINNING, StreamClock, WallClock, make_clock
from services.runtime.settings import ClockKind, Settings
from tests.support.wall import Wall

NOON = datetime(2024, 3, 7, 12, 0, tzinfo=UTC)


@pytest.fixture
def wall() -> Wall:
    return Wall(NOON)


@pytest.fixture
def jumps() -> Callable[[str], float]:
    """How often the clock was set in a direction since the test began."""

    def count(direction: str) -> float:
        return float(metrics.CLOCK_JUMPS.labels(direction)._value.get())

    before = {direction: count(direction) for direction in ("forward", "backward")}
    return lambda direction: count(direction) - before[direction]


class TestTheWallClock:
    def test_tells_the_time_in_utc_to_the_millisecond(self) -> None:
        before = datetime.now(UTC) - timedelta(milliseconds=1)
        now = WallClock().now()
        assert before <= now <= datetime.now(UTC)
        assert now.tzinfo is UTC
        assert now.microsecond % 1000 == 0

    def test_believes_a_leap_as_the_settings_have_it(self) -> None:
        clock = make_clock(Settings(clock_leap=5, clock_settling=2.5))
        assert isinstance(clock, WallClock)
        assert (clock.limit, clock.settling) == (timedelta(seconds=5), timedelta(seconds=2.5))

    def test_is_not_what_a_replay_goes_by(self) -> None:
        assert isinstance(make_clock(Settings(clock=ClockKind.STREAM)), StreamClock)

    def test_tells_every_partition_the_same(self, wall: Wall) -> None:
        clock = wall.clock()
        assert clock.now(4) == clock.now()

    def test_goes_with_the_wall_at_whatever_offset_that_is(self) -> None:
        hanoi = timezone(timedelta(hours=7))
        wall = Wall(NOON.astimezone(hanoi))
        clock = wall.clock()
        wall.passes(hours=3)
        assert clock.now() == NOON + timedelta(hours=3)
        assert clock.now().tzinfo is UTC

    def test_follows_corrections_within_the_limit_at_once(
        self, wall: Wall, jumps: Callable[[str], float]
    ) -> None:
        clock = wall.clock()
        wall.passes(minutes=1)
        wall.is_set(seconds=60)
        assert clock.now() == NOON + timedelta(minutes=2)
        assert jumps("forward") == 0

    def test_believes_what_the_wall_shows_when_it_starts(self, wall: Wall) -> None:
        wall.is_set(days=400)
        assert wall.clock().now() == NOON + timedelta(days=400)


class TestAWallThatIsSetBack:
    def test_makes_time_stand_still_until_it_has_caught_up(self, wall: Wall) -> None:
        clock = wall.clock()
        wall.is_set(hours=-1)
        assert clock.now() == NOON
        wall.passes(minutes=59)
        assert clock.now() == NOON
        wall.passes(minutes=2)
        assert clock.now() == NOON + timedelta(minutes=1)

    def test_is_told_of_once_and_again_the_next_time(
        self, wall: Wall, jumps: Callable[[str], float]
    ) -> None:
        clock = wall.clock()
        for times in (1, 2):
            wall.is_set(hours=-1)
            for _ in range(61):
                clock.now()
                wall.passes(minutes=1)
            clock.now()
            assert jumps("backward") == times

    def test_by_less_than_a_second_is_not_worth_saying(
        self, wall: Wall, jumps: Callable[[str], float]
    ) -> None:
        clock = wall.clock()
        wall.is_set(milliseconds=-900)
        assert clock.now() == NOON
        assert jumps("backward") == 0

    def test_and_put_right_goes_on_as_if_it_had_not_been(
        self, wall: Wall, jumps: Callable[[str], float]
    ) -> None:
        clock = wall.clock()
        wall.is_set(hours=-5)
        wall.passes(minutes=10)
        assert clock.now() == NOON
        wall.is_set(hours=5)
        assert clock.now() == NOON + timedelta(minutes=10), "no more than has passed: no leap"
        assert jumps("forward") == 0


class TestAWallThatLeapsAhead:
    def test_is_not_followed_and_time_goes_on_as_it_did(
        self, wall: Wall, jumps: Callable[[str], float]
    ) -> None:
        clock = wall.clock()
        wall.is_set(hours=3)
        assert clock.now() == NOON
        wall.passes(seconds=20)
        assert clock.now() == NOON + timedelta(seconds=20)
        assert jumps("forward") == 1

    def test_and_comes_back_has_changed_nothing(
        self, wall: Wall, jumps: Callable[[str], float]
    ) -> None:
        clock = wall.clock()
        wall.is_set(hours=3)
        clock.now()
        wall.passes(seconds=29)
        wall.is_set(hours=-3)
        assert clock.now() == NOON + timedelta(seconds=29)
        wall.passes(minutes=5)
        assert clock.now() == NOON + timedelta(minutes=5, seconds=29)
        assert jumps("backward") == 0

    def test_and_stays_there_is_believed_when_it_has_settled(
        self, wall: Wall, jumps: Callable[[str], float]
    ) -> None:
        clock = wall.clock()
        wall.is_set(hours=3)
        clock.now()
        wall.passes(seconds=30)
        assert clock.now() == NOON + timedelta(hours=3, seconds=30)
        wall.passes(seconds=1)
        assert clock.now() == NOON + timedelta(hours=3, seconds=31)
        assert jumps("forward") == 1

    def test_twice_has_to_settle_anew(self, wall: Wall, jumps: Callable[[str], float]) -> None:
        clock = wall.clock()
        wall.is_set(hours=3)
        clock.now()
        wall.passes(seconds=20)
        wall.is_set(hours=3)
        clock.now()
        wall.passes(seconds=20)
        assert clock.now() == NOON + timedelta(seconds=40)
        wall.passes(seconds=10)
        assert clock.now() == NOON + timedelta(hours=6, seconds=50)
        assert jumps("forward") == 2

    def test_is_what_a_machine_looks_like_that_wakes_up(self, wall: Wall) -> None:
        clock = wall.clock()
        wall.is_set(days=3)  # suspended: the monotonic clock stood still
        assert clock.now() == NOON
        wall.passes(seconds=30)
        assert clock.now() == NOON + timedelta(days=3, seconds=30)

    def test_by_as_much_as_a_setting_says_is_followed(self, wall: Wall) -> None:
        clock = wall.clock(limit=7200, settling=1)
        wall.is_set(hours=2)
        assert clock.now() == NOON + timedelta(hours=2)
        wall.is_set(hours=3)
        clock.now()
        wall.passes(seconds=1)
        assert clock.now() == NOON + timedelta(hours=5, seconds=1)


_STEPS = st.lists(
    st.tuples(st.floats(0, 7200), st.one_of(st.just(0.0), st.floats(-86_400, 86_400))), max_size=40
)


@given(_STEPS)
def test_whatever_is_done_to_the_wall_time_never_goes_back(
    steps: list[tuple[float, float]],
) -> None:
    wall = Wall(NOON)
    clock = wall.clock()
    told = [clock.now()]
    for seconds, by in steps:
        wall.passes(seconds=seconds)
        wall.is_set(seconds=by)
        told.append(clock.now())
    assert told == sorted(told)


@given(_STEPS)
def test_whatever_was_done_to_the_wall_it_is_believed_once_it_has_been_left_alone(
    steps: list[tuple[float, float]],
) -> None:
    wall = Wall(NOON)
    clock = wall.clock()
    for seconds, by in steps:
        wall.passes(seconds=seconds)
        wall.is_set(seconds=by)
        clock.now()
    # Behind by what it was set back, and then as long as a leap has to last.
    for _ in range(2):
        wall.passes(seconds=sum(abs(by) for _, by in steps) + 31)
        clock.now()
    assert abs(clock.now() - wall.shows) < timedelta(milliseconds=2)


class TestTheStreamClock:
    def test_begins_before_everything(self) -> None:
        assert StreamClock().now(0) == BEGINNING

    def test_moves_a_partition_by_its_own_ticks_and_no_others(self) -> None:
        clock = StreamClock()
        clock.tick(1, NOON)
        assert clock.now(1) == NOON
        assert clock.now(2) == BEGINNING

    def test_never_goes_back(self) -> None:
        clock = StreamClock()
        clock.tick(1, NOON)
        clock.tick(1, NOON - timedelta(hours=1))
        assert clock.now(1) == NOON

    def test_gives_new_records_the_highest_time_that_was_seen(self) -> None:
        clock = StreamClock()
        clock.tick(1, NOON)
        clock.tick(2, NOON + timedelta(hours=1))
        assert clock.now() == NOON + timedelta(hours=1)

    def test_gives_new_records_before_the_first_tick_the_time_of_the_wall(self) -> None:
        assert abs(StreamClock().now() - datetime.now(UTC)) < timedelta(seconds=5)
