"""How fast a provider is asked, and how long to wait before asking again. Pure but for the draw."""

from __future__ import annotations

from random import Random


class Bucket:
    """A token bucket: each message takes one token, and waits for it if need be.

    Times are in seconds of any clock that never goes back.
    """

    def __init__(self, rate: float, now: float) -> None:
        """`rate` is in messages a second; at most one second's worth may go at once."""
        self._rate = rate
        self._most = max(1.0, rate)
        self._tokens = self._most
        self._at = now

    def take(self, now: float) -> float:
        """Take the next token; return the seconds until it is available.

        Later messages wait longer, so none overtakes another.
        """
        self._tokens = min(self._most, self._tokens + (now - self._at) * self._rate) - 1.0
        self._at = now
        return max(0.0, -self._tokens / self._rate)


class BackOff:
    """Exponential back-off with full jitter: what failed together does not come back together."""

    def __init__(self, first: float, most: float, draw: Random) -> None:
        """Wait up to `first` seconds after the first failure, up to `most` after many."""
        self._first = first
        self._most = most
        self._draw = draw

    def after(self, failures: int, at_least: float = 0.0) -> float:
        """Return the seconds to wait after this many failures, on top of `at_least`."""
        longest = min(self._most, self._first * 2.0 ** min(failures - 1, 30))
        return at_least + self._draw.uniform(0.0, longest)
