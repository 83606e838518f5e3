"""The only places where the time comes from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

from contracts.values import to_utc_millis

BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
"""The stream clock's time before the first tick."""


class Clock(Protocol):
    """Tells each partition's time, in UTC to the millisecond."""

    def now(self, partition: int | None = None) -> datetime:
        """The partition's time, or, without one, the time that new records are given."""
        ...


class WallClock:
    """The time of a live city: the same in every partition."""

    def now(self, partition: int | None = None) -> datetime:
        return to_utc_millis(datetime.now(UTC))


class StreamClock:
    """The time of a replay: in each partition the highest tick that was seen in it.

    A tick says that all that happened before it stands before it, so a timer that fires on it
    cannot be overtaken by an event that is still under way. An event's own time moves only the
    timers of its own dossier.
    """

    def __init__(self) -> None:
        self._times: dict[int, datetime] = {}

    def now(self, partition: int | None = None) -> datetime:
        if partition is not None:
            return self._times.get(partition, BEGINNING)
        # Before the first tick there is nothing to go by, and a new record needs some time.
        return max(self._times.values(), default=None) or WallClock().now()

    def tick(self, partition: int, time: datetime) -> None:
        """Moves a partition's time forward; a tick from the past changes nothing."""
        if time > self.now(partition):
            self._times[partition] = time
