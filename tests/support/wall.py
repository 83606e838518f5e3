"""A machine's two clocks, in a test's hands: one that can be set, and one that cannot."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.runtime.loop.clock import WallClock


class Wall:
    """What the wall shows; it stands still until the test says otherwise."""

    def __init__(self, shows: datetime) -> None:
        self.shows = shows
        self.seconds = 1000.0
        """What the monotonic clock tells."""
        self.looks = 0
        """How often somebody looked at the wall."""

    def clock(self, limit: float = 60, settling: float = 30) -> WallClock:
        """A clock that goes by this wall."""
        return WallClock(
            timedelta(seconds=limit),
            timedelta(seconds=settling),
            wall=self._look,
            monotonic=lambda: self.seconds,
        )

    def passes(self, **time: float) -> None:
        """Lets time pass, for both clocks."""
        self.seconds += timedelta(**time).total_seconds()
        self.shows += timedelta(**time)

    def is_set(self, **by: float) -> None:
        """Sets the wall ahead or back; no time passes."""
        self.shows += timedelta(**by)

    def _look(self) -> datetime:
        self.looks += 1
        return self.shows
