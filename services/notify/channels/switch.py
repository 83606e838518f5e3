"""Which provider of a channel takes the next new message: the first, or the second while it fails.

Pure: it is told what became of each attempt and when, in seconds of a clock that never goes back.

* Who fails is left: so many refusals or broken connections in a row, or half of the latest. After
  a rest one message tries it again, and if that is answered it is as good as ever.
* Who is slow is not left, or a bad hour of the network would throw everything at the second, which
  is probably as slow. Only a second that was seen to be fast, by what it answered lately, is given
  the messages of a slow first.
* Who is silent (no answer in time, again and again) may be dead. One message finds out whether the
  second answers; as long as it does not, everything stays with the first.

A message that may have been accepted somewhere is not asked about here: it stays where it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from statistics import median


class Attempt(Enum):
    """What became of one attempt, as far as it tells of the provider."""

    ANSWERED = "answered"
    """Taken, or refused for what the message is: the provider works."""
    FAILED = "failed"
    """Not taken, or the connection broke."""
    SILENT = "silent"
    """No answer in time."""


@dataclass(frozen=True)
class SwitchLimits:
    """When a provider is said to fail, or to be slow. Times are in seconds."""

    in_a_row: int = 5
    """So many failures, or silences, in a row."""
    share: float = 0.5
    enough: int = 20
    """Or such a share of the latest attempts, once there were so many."""
    window: float = 60.0
    latest: int = 100
    """The latest are so many at the most, and not older than the window."""
    rest: float = 10.0
    """How long a failing provider is left alone before one message tries it again."""
    slow: float = 5.0
    """It is slow if half of the latest answers took longer."""
    sample: int = 3
    """A second is known to be fast by so many answers; beside a silent first by one."""


@dataclass
class _Record:
    latest: deque[tuple[float, Attempt, float]]
    failures: int = 0
    silences: int = 0
    """Both in a row."""
    failing: bool = False
    next_trial: float = 0.0
    """When the next single message may find out how it does."""
    closed_until: float = 0.0
    """It asked to be left alone until then."""

    def answers(self) -> int:
        """How many of the latest were answered."""
        return sum(outcome is Attempt.ANSWERED for _, outcome, _ in self.latest)

    def speed(self) -> float:
        """Half of the latest were waited for longer; 0.0 if there are none."""
        waited = [seconds for _, outcome, seconds in self.latest if outcome is not Attempt.FAILED]
        return median(waited) if waited else 0.0


@dataclass
class Switch:
    """The records of one channel's providers, in the order in which they are preferred."""

    names: Sequence[str]
    limits: SwitchLimits = field(default_factory=SwitchLimits)

    def __post_init__(self) -> None:
        self._records = {name: _Record(deque(maxlen=self.limits.latest)) for name in self.names}

    def pick(self, now: float, without: frozenset[str] = frozenset()) -> str | None:
        """Who takes a new message now; None if nobody should be asked at the moment.

        `without` are those who have just not taken this very message.
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
        """Seconds until somebody can be asked again; 0.0 if somebody can now."""
        return max(
            0.0,
            min(
                max(record.closed_until, record.next_trial if record.failing else 0.0) - now
                for record in self._records.values()
            ),
        )

    def told(self, name: str, outcome: Attempt, seconds: float, now: float) -> None:
        """What became of an attempt, and how long it took."""
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
        """The provider asked to be left alone until then."""
        record = self._records[name]
        record.closed_until = max(record.closed_until, until)

    def failing(self, name: str) -> bool:
        """Whether messages avoid it, but for a single one now and then."""
        return self._records[name].failing

    def _faster(self, name: str, now: float, open_: dict[str, _Record]) -> str | None:
        """Who stands in for a slow or silent one that does not fail; None if nobody does."""
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
                # Now and then the first is asked, or it would never be known to be well again.
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
