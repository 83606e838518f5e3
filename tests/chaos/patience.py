"""How long a drill waits: as long as anything moves, however slow the machine is."""

from __future__ import annotations

import time


class Patience:
    """Is shown what is still to be done, look by look."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last: object = None
        self._moved = time.monotonic()

    def see(self, left: object) -> None:
        """Raises TimeoutError if the same has been left for all the seconds."""
        now = time.monotonic()
        if left != self._last:
            self._last, self._moved = left, now
        elif now - self._moved > self._seconds:
            raise TimeoutError(f"nothing has moved for {self._seconds:.0f} s; still to do: {left}")
