"""How fast each part is beside its bare baseline, now and when that was last written down. Pure.

A ratio is of speeds that were measured in one run on one machine, so the machine's own speed drops
out of it: 0.5 is half as fast as the baseline.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

TOLERATED = 0.1
"""A ratio may fall by this share of what it was."""


@dataclass(frozen=True)
class Ratio:
    """A part's ratio: the median of a run's rounds, and the machine's noise around it."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, rounds: Sequence[float]) -> Ratio:
        """The ratio that these rounds come to. Raises ValueError if there are none."""
        if not rounds:
            raise ValueError("a part that was measured in no round has no ratio")
        return cls(statistics.median(rounds), min(rounds), max(rounds))


class Verdict(StrEnum):
    """What became of a ratio."""

    FELL = "fell"
    """By more than is tolerated."""
    ROSE = "rose"
    """By as much: it is worth writing down."""
    STANDS = "stands"
    NEW = "new"
    """Nothing was written down of it."""


@dataclass(frozen=True)
class Change:
    """A part's ratio now, beside the one that was written down."""

    part: str
    then: Ratio | None
    now: Ratio

    @property
    def share(self) -> float | None:
        """By which share of what it was it rose, or fell if below zero; None if it is new."""
        return None if self.then is None else self.now.median / self.then.median - 1

    @property
    def verdict(self) -> Verdict:
        """What that means."""
        if self.then is None:
            return Verdict.NEW
        if self.now.median < self.then.median * (1 - TOLERATED):
            return Verdict.FELL
        if self.now.median > self.then.median * (1 + TOLERATED):
            return Verdict.ROSE
        return Verdict.STANDS


def compare(then: Mapping[str, Ratio], now: Mapping[str, Ratio]) -> list[Change]:
    """What became of each part that was measured now; a part that was not is left out."""
    return [Change(part, then.get(part), ratio) for part, ratio in now.items()]
