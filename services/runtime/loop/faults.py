"""Fault drills: at a named point of the work, the process kills itself as the kernel would.

Set ``MOTCUA_STOP_AT=persisted:3`` and the process ends by SIGKILL when it passes the point
``persisted`` for the third time. Without the setting a point costs one comparison.
"""

from __future__ import annotations

import os
import signal

POINTS = (
    "received",
    "loaded",
    "decided",
    "published",
    "persisted",
    "committed",
    "timers-decided",
    "timers-written",
    "timers-published",
    "timers-persisted",
    "message-picked",
    "message-accepted",
    "message-told",
)
"""Every arrow of the engine and of the delivery of messages: after what has just been done."""


class Faults:
    """Counts the passes of one point and ends the process at the one that was asked for."""

    def __init__(self, stop_at: str | None = None) -> None:
        self._point: str | None = None
        self._left = 0
        if stop_at:
            point, _, times = stop_at.partition(":")
            if point not in POINTS:
                raise ValueError(f"no such point: {point!r}; there are {', '.join(POINTS)}")
            self._point = point
            self._left = int(times or 1)

    def passing(self, point: str) -> None:
        """Says that the work has come to this point."""
        if point != self._point:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
