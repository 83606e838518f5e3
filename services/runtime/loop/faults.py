"""Fault drills: at a named point of the work, the process kills itself as the kernel would.

Set ``MOTCUA_STOP_AT=persisted:3`` and the process ends by SIGKILL when it passes the point
``persisted`` for the third time. Without the setting a point costs one comparison.
"""

from __future__ import annotations

import os
import signal
from enum import StrEnum


class Point(StrEnum):
    """Every step of the work: the moment after what the name says has been done."""

    RECEIVED = "received"
    LOADED = "loaded"
    DECIDED = "decided"
    PUBLISHED = "published"
    PERSISTED = "persisted"
    COMMITTED = "committed"
    TIMERS_DECIDED = "timers-decided"
    TIMERS_NOTED = "timers-noted"
    """Where what is said comes back over the log: there the states are not written first."""
    TIMERS_WRITTEN = "timers-written"
    TIMERS_PUBLISHED = "timers-published"
    TIMERS_PERSISTED = "timers-persisted"
    MESSAGE_PICKED = "message-picked"
    MESSAGE_ACCEPTED = "message-accepted"
    MESSAGE_TOLD = "message-told"
    REBUILD_FOLDED = "rebuild-folded"
    """Passed once for each batch."""
    SNAPSHOT_CLAIMED = "snapshot-claimed"
    SNAPSHOT_ROWS = "snapshot-rows"
    """Passed once for each partition."""
    SNAPSHOT_CELLS = "snapshot-cells"
    SNAPSHOT_FROZEN = "snapshot-frozen"


class Faults:
    """Counts the passes of one point and kills the process at the chosen pass."""

    def __init__(self, stop_at: str | None = None) -> None:
        """`stop_at`: a point, and after a colon the number of the pass; the first if not given.

        Raise ValueError if there is no such point.
        """
        self._point: Point | None = None
        self._left = 0
        if stop_at:
            point, _, times = stop_at.partition(":")
            if point not in set(Point):
                raise ValueError(f"no such point: {point!r}; there are {', '.join(Point)}")
            self._point = Point(point)
            self._left = int(times or 1)

    def passing(self, point: Point) -> None:
        """Say that the work has come to this point."""
        if point is not self._point:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
