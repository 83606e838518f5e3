"""What may go wrong, how often it is drawn, and how often it has happened."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random


class Fault(StrEnum):
    """A kind of disturbance."""

    KILL_AT_POINT = "kill at an arrow"
    KILL = "kill anywhere"
    HANG = "hang, and come back"
    LEAVE = "leave in order"
    JOIN = "join"
    BROKER_AWAY = "broker away"
    DATABASE_AWAY = "database away"
    WRITE_LOST = "database: write lost"
    WRITE_UNTOLD = "database: time-out, written"
    READ_FAILED = "database: read failed"
    FAILOVER = "database: fail-over"
    STALE_READ = "database: read behind it"
    SEND_LOST = "broker: records lost"
    SEND_UNTOLD = "broker: time-out, written"
    COMMIT_FAILED = "broker: commit failed"
    COMMIT_UNTOLD = "broker: time-out, committed"
    TWICE = "records twice"
    GATEWAY_REFUSES = "provider refuses"
    GATEWAY_UNTOLD = "provider's answer lost"


@dataclass
class Chances:
    """Draws what goes wrong. With a share of 0 nothing does, and no time passes on the way."""

    draw: Random = field(default_factory=lambda: Random(0))
    share: float = 0.0
    """Of the calls to broker and database, those that fail by themselves."""
    happened: Counter[Fault] = field(default_factory=Counter)
    quiet: bool = False
    """Whether nothing goes wrong by itself any more."""

    @property
    def calm(self) -> bool:
        return self.share == 0.0

    def latency(self) -> float:
        """Seconds that a way to broker or database takes."""
        if self.share == 0.0:
            return 0.0
        drawn = self.draw.random()
        return 0.0002 + 0.003 * drawn if drawn < 0.97 else 0.05 * self.draw.random()

    def of(self, *faults: Fault) -> Fault | None:
        """One of these, now and then."""
        if self.quiet or self.share == 0.0 or self.draw.random() >= self.share:
            return None
        fault = self.draw.choice(faults)
        self.happened[fault] += 1
        return fault

    def note(self, fault: Fault) -> None:
        self.happened[fault] += 1
