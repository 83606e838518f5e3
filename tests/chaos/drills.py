"""The disturbances: what is done to the city, before which slice of its day."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.wire.topics import SERVICES
from services.runtime.loop.faults import Point

_TIMERS = tuple(p for p in Point if p.startswith("timers-"))
_TIMER_POINTS = tuple(p for p in _TIMERS if p not in ("timers-noted", "timers-written"))
"""The day goes by the stream clock, whose timers write nothing first."""
_MESSAGE_POINTS = tuple(p for p in Point if p.startswith("message-"))
_SNAPSHOT_POINTS = tuple(p for p in Point if p.startswith("snapshot-"))
"""Passed at the end of a month, and not in the day that is lived through here."""
_BESIDE = (*_TIMERS, *_MESSAGE_POINTS, *_SNAPSHOT_POINTS, Point.REBUILD_FOLDED)
_ARROWS = tuple(p for p in Point if p not in _BESIDE)

MISBEHAVIOUR: dict[str, dict[str, object]] = {
    "away": {"away": True},
    "drops answers": {"drop_answer_rate": 0.5},
    "answers after our time-out": {"delay_ms": 3_000},
    "refuses": {"fail_rate": 0.5},
    "tells twice": {"double_receipt_rate": 1.0, "receipt_delay_ms": 500},
}
"""What the gateway can be told to do; see `deploy.local.fakes.gateway.behaviour`."""


@dataclass(frozen=True)
class Drill:
    """One disturbance."""

    kind: str
    """``arrow``, ``kill``, ``join``, ``leave``, ``restart`` (of a part of the stack), or
    ``provider`` (the gateway misbehaves for some seconds)."""
    target: str
    """The service, the part of the stack, or one of `MISBEHAVIOUR`."""
    stop_at: str | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.target}" + (f" at {self.stop_at}" if self.stop_at else "")


def every_drill(seed: int) -> list[Drill]:
    """Every arrow of every service, kills at random, partitions that move, broker, database."""
    rng = random.Random(seed)
    drills = [
        Drill("arrow", service, f"{point}:{rng.randint(1, 2)}")
        for service in SERVICES
        for point in _ARROWS
    ]
    drills += [
        Drill("arrow", service, f"{point}:1")
        for service in ("sla", "notify")
        for point in _TIMER_POINTS
    ]
    drills += [
        Drill("arrow", "notify", f"{point}:{rng.randint(1, 3)}") for point in _MESSAGE_POINTS * 3
    ]
    drills += [Drill("kill", rng.choice(SERVICES)) for _ in range(8)]
    for service in SERVICES:
        drills += [Drill("join", service), Drill("leave", service)]
    drills += [Drill("restart", part) for part in ("kafka", "mongod") * 2]
    drills += [Drill("restart", part) for part in ("gateway", "smtp")]
    drills += [Drill("provider", name) for name in tuple(MISBEHAVIOUR) * 2]
    rng.shuffle(drills)
    return drills


def few_drills() -> list[Drill]:
    """One of each kind, for the short run."""
    return [
        Drill("arrow", "intake", "published:1"),
        Drill("join", "routing"),
        Drill("arrow", "sla", "persisted:1"),
        Drill("restart", "mongod"),
        Drill("arrow", "notify", "message-accepted:1"),
        Drill("kill", "routing"),
        Drill("restart", "kafka"),
        Drill("arrow", "sla", "timers-published:1"),
        Drill("provider", "drops answers"),
    ]


def spread(drills: Sequence[Drill], slices: int) -> dict[int, Drill]:
    """Before which slice each drill comes: evenly, the first slices left in peace."""
    first, last = max(1, slices // 20), slices - 1
    span = max(1, last - first)
    if len(drills) > span:
        raise ValueError(f"{len(drills)} drills do not fit between {slices} slices")
    return {first + index * span // len(drills): drill for index, drill in enumerate(drills)}
