"""Which provider of a channel takes the next new message: the first, or the second while it fails.

Pure: it is told the outcome and time of each attempt, in seconds of a clock that never goes back.

* A provider fails after several refusals or broken connections in a row, or if half of its latest
  attempts failed. It is left. After a rest one message tries it; if that is answered, it is as
  good as ever.
* A slow provider is kept, or a bad hour of the network would throw everything at the second, which
  is probably as slow. Only a second provider whose recent answers were fast gets its messages.
* A silent provider (no answer in time, again and again) may be dead. One message finds out whether
  the second answers; until it does, everything stays with the first.

Messages that may have been accepted somewhere are not decided here: they stay where they are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from statistics import median


class Attempt(Enum):
    """What one attempt tells about the provider."""

    ANSWERED = "answered"
    """Taken, or refused because of the message itself: the provider works."""
    FAILED = "failed"
    """Not taken, or the connection broke."""
    SILENT = "silent"
    """No answer in time."""


@dataclass(frozen=True)
class SwitchLimits:
    """When a provider counts as failing or slow. Times are in seconds."""

    in_a_row: int = 5
    """This many failures, or silences, in a row."""
    share: float = 0.5
    enough: int = 20
    """Or this share of the latest attempts, once there are at least `enough`."""
    window: float = 60.0
    latest: int = 100
    """The latest attempts are at most this many, and none is older than the window."""
    rest: float = 10.0
    """How long a failing provider is left alone before one message tries it again."""
    slow: float = 5.0
    """A provider is slow if half of its latest answers took longer."""
    sample: int = 3
    """Answers that show a second provider to be fast; one suffices beside a silent first."""


@dataclass
class _Record:
    latest: deque[tuple[float, Attempt, float]]
    failures: int = 0
    silences: int = 0
    """Both are counted in a row."""
    failing: bool = False
    next_trial: float = 0.0
    """When the next single message may try the provider."""
    closed_until: float = 0.0
    """The provider asked to be left alone until then."""

    def answers(self) -> int:
        """Return how many of the latest attempts were answered."""
        return sum(outcome is Attempt.ANSWERED for _, outcome, _ in self.latest)

    def speed(self) -> float:
        """Return the median wait of the latest attempts in seconds; 0.0 if there are none."""
        waited = [seconds for _, outcome, seconds in self.latest if outcome is not Attempt.FAILED]
        return median(waited) if waited else 0.0


@dataclass
class Switch:
    """The records of one channel's providers, in order of preference."""

    names: Sequence[str]
    limits: SwitchLimits = field(default_factory=SwitchLimits)

    def __post_init__(self) -> None:
        self._records = {name: _Record(deque(maxlen=self.limits.latest)) for name in self.names}

    def pick(self, now: float, without: frozenset[str] = frozenset()) -> str | None:
        """Return the provider that takes a new message now; None if none should be asked yet.

        `without` are the providers that have just not taken this very message.
        """
        open_ = {
            name: record
            for name, record in self._records.items()
            if name not in without and record.closed_until <= now
        }
        for name, record in open_.items():
            self._forget_old(record, now)
            if not record.failing:
                return self._faster(name, now, open_) or name
            if self._may_try(record, now):
                return name
        return None

    def opens(self, now: float) -> float:
        """Return the seconds until a provider can be asked again; 0.0 if one can now."""
        return max(
            0.0,
            min(
                max(record.closed_until, record.next_trial if record.failing else 0.0) - now
                for record in self._records.values()
            ),
        )

    def told(self, name: str, outcome: Attempt, seconds: float, now: float) -> None:
        """Note what became of an attempt, and how many seconds it took."""
        record, limits = self._records[name], self.limits
        if outcome is Attempt.ANSWERED:
            if record.failing or record.silences >= limits.in_a_row:
                # It works again: what was before says nothing any more.
                record.latest.clear()
            record.failures = record.silences = 0
            record.failing = False
        elif outcome is Attempt.FAILED:
            record.failures += 1
        else:
            record.silences += 1
        record.latest.append((now, outcome, seconds))
        self._forget_old(record, now)
        if outcome is Attempt.FAILED:
            failed = sum(outcome is Attempt.FAILED for _, outcome, _ in record.latest)
            known = len(record.latest)
            mostly = known >= limits.enough and failed >= limits.share * known
            record.failing = record.failing or mostly or record.failures >= limits.in_a_row
        if record.failing:
            record.next_trial = now + limits.rest

    def close(self, name: str, until: float) -> None:
        """Leave the provider alone until then, as it asked."""
        record = self._records[name]
        record.closed_until = max(record.closed_until, until)

    def failing(self, name: str) -> bool:
        """Return whether messages avoid the provider, but for a single one now and then."""
        return self._records[name].failing

    def _faster(self, name: str, now: float, open_: dict[str, _Record]) -> str | None:
        """Return the stand-in for a slow or silent provider that does not fail; None if none is."""
        limits, first = self.limits, self._records[name]
        silent = first.silences >= limits.in_a_row
        if not silent and first.speed() <= limits.slow:
            return None
        needed = 1 if silent else limits.sample
        for other, record in open_.items():
            if other == name or record.failing:
                continue
            self._forget_old(record, now)
            fast = record.answers() >= needed and record.speed() <= limits.slow
            if fast and not record.silences:
                # Now and then the first is asked, or its recovery would never be noticed.
                return None if self._may_try(first, now) else other
            if silent and self._may_try(record, now):
                return other
        return None

    def _may_try(self, record: _Record, now: float) -> bool:
        if record.next_trial > now:
            return False
        record.next_trial = now + self.limits.rest
        return True

    def _forget_old(self, record: _Record, now: float) -> None:
        while record.latest and record.latest[0][0] < now - self.limits.window:
            record.latest.popleft()
