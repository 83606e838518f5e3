"""How fast a provider is asked, and how long one waits to ask it again. Pure but for the draw."""

from __future__ import annotations

from random import Random


class Bucket:
    """Tokens that come at a steady rate: each message takes one, and waits for it if need be.

    Times are in seconds of any clock that never goes back.
    """

    def __init__(self, rate: float, now: float) -> None:
        """`rate` is in messages a second; as many as come in one second may go at once."""
        self._rate = rate
        self._most = max(1.0, rate)
        self._tokens = self._most
        self._at = now

    def take(self, now: float) -> float:
        """Takes the next token; returns the seconds until it is there.

        So whoever comes later waits longer, and nobody overtakes anybody.
        """
        self._tokens = min(self._most, self._tokens + (now - self._at) * self._rate) - 1.0
        self._at = now
        return max(0.0, -self._tokens / self._rate)


class BackOff:
    """Exponential back-off with full jitter: who failed together does not come back together."""

    def __init__(self, first: float, most: float, draw: Random) -> None:
        """Waits up to `first` seconds after the first failure, up to `most` after many."""
        self._first = first
        self._most = most
        self._draw = draw

    def after(self, failures: int, at_least: float = 0.0) -> float:
        """Seconds to wait after so many failures; a provider may ask for more."""
        longest = min(self._most, self._first * 2.0 ** min(failures - 1, 30))
        return at_least + self._draw.uniform(0.0, longest)
