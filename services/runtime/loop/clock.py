"""The two clocks, wall and stream: the only source of the time."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

import structlog

from contracts.values import to_utc_millis
from services.runtime import metrics
from services.runtime.settings import ClockKind, Settings

log = structlog.get_logger("motcua.clock")

BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
"""The stream clock's time before the first tick."""
_WORTH_SAYING = timedelta(seconds=1)
"""The wall clock is often corrected backwards by less than this; that is not logged."""


class Clock(Protocol):
    """Tells each partition's time, in UTC to the millisecond."""

    def now(self, partition: int | None = None) -> datetime:
        """Return the partition's time; without a partition, the time that new records are given."""
        ...


class WallClock:
    """The time of a live city: the same in every partition, and safe when the wall clock is set.

    It never goes back: when the wall clock does, it stands still until the wall clock has caught
    up. If the wall clock leaps ahead by more than `limit` beyond the machine's monotonic clock, it
    does not follow at once: it goes on as before for `settling`, and follows if the leap has
    lasted. A machine that wakes up from suspension looks like that.

    So what a leap makes due waits, and is never said if the leap is taken back. Timers and new
    records have the same time: an event's time fires the timers of its dossier too, so a record
    with the leap's time would announce what must wait.
    """

    def __init__(
        self,
        limit: timedelta = timedelta(seconds=60),
        settling: timedelta = timedelta(seconds=30),
        *,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`wall` returns an aware time; `monotonic` returns seconds and cannot be set."""
        self.limit = limit
        self.settling = settling
        self._wall = wall
        self._monotonic = monotonic
        # At the start there is nothing to compare with: the first wall time is believed.
        self._told = _Moment(wall(), monotonic())
        self._leapt: _Moment | None = None
        """Where the wall clock leapt to, as long as the leap is not believed."""
        self._stands_still = False
        for direction in ("forward", "backward"):
            metrics.CLOCK_JUMPS.labels(direction)  # an increase shows only if 0 was reported before

    def now(self, partition: int | None = None) -> datetime:
        wall, monotonic = self._wall(), self._monotonic()
        expected = self._told.later(monotonic)
        if wall - expected > self.limit:
            if not self._believes(wall, monotonic):
                wall = expected
        elif self._leapt is not None:
            log.warning("the clock came back from its leap; nothing was said by it")
            self._leapt = None
        if wall < self._told.time:
            self._stand_still(self._told.time - wall)
        else:
            self._told = _Moment(wall, monotonic)
            self._stands_still = False
        return to_utc_millis(self._told.time)

    def _believes(self, wall: datetime, monotonic: float) -> bool:
        """Return whether the wall clock has stayed where it leapt to for long enough."""
        leapt = self._leapt
        if leapt is None or abs(wall - leapt.later(monotonic)) > self.limit:
            self._leapt = _Moment(wall, monotonic)
            metrics.CLOCK_JUMPS.labels("forward").inc()
            log.warning(
                "the clock leapt ahead; what it makes due waits until the leap has lasted",
                ahead=str(wall - self._told.later(monotonic)),
                believed_in=str(self.settling),
            )
            return False
        if leapt.later(monotonic) - leapt.time < self.settling:
            return False
        log.warning("the clock's leap is believed", now=wall.isoformat())
        self._leapt = None
        return True

    def _stand_still(self, behind: timedelta) -> None:
        if behind > _WORTH_SAYING and not self._stands_still:
            self._stands_still = True
            metrics.CLOCK_JUMPS.labels("backward").inc()
            log.warning("the clock was set back; time stands still", catches_up_in=str(behind))


class _Moment(NamedTuple):
    """A time, and the monotonic clock's seconds at that time."""

    time: datetime
    monotonic: float

    def later(self, monotonic: float) -> datetime:
        """Return the time by the monotonic clock alone."""
        return self.time + timedelta(seconds=monotonic - self.monotonic)


class StreamClock:
    """The time of a replay: in each partition, the highest tick seen there.

    A tick says that everything that happened before it is in the log before it, so an event that is
    still under way cannot overtake a timer that fires on it. An event's own time moves only the
    timers of its own dossier.
    """

    def __init__(self) -> None:
        self._times: dict[int, datetime] = {}
        self._wall = WallClock()

    def now(self, partition: int | None = None) -> datetime:
        if partition is not None:
            return self._times.get(partition, BEGINNING)
        # Before the first tick there is no stream time, and a new record needs a time.
        return max(self._times.values(), default=None) or self._wall.now()

    def tick(self, partition: int, time: datetime) -> None:
        """Move a partition's time forward; a tick from the past changes nothing."""
        if time > self.now(partition):
            self._times[partition] = time


def wall_clock(settings: Settings) -> WallClock:
    """Return the wall clock, with the leap and the settling time of the settings."""
    return WallClock(
        timedelta(seconds=settings.clock_leap), timedelta(seconds=settings.clock_settling)
    )


def make_clock(settings: Settings) -> Clock:
    """Return the clock that fires the timers of a service with these settings."""
    return StreamClock() if settings.clock is ClockKind.STREAM else wall_clock(settings)
