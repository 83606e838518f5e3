"""Freezes each month and each quarter, some days after its end, beside the engine.

Snapshots begin with the first period that ends after a city's sla first looked. Earlier periods
came from older systems and may still be arriving; they can be frozen by command.

The waiting days let in what is entered late. They say nothing about the log: after a long outage
they may be over before the service has read what happened in the period. So a period is frozen only
once everything that was in the log when its time had come has been folded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import structlog

from services.runtime import BEGINNING, Database, Offsets, Running, Settings, group_of, patiently
from services.sla.deciding.decider import SlaDecider
from services.sla.figures.periods import Period, month_at, quarter_at
from services.sla.figures.snapshots import snapshots
from services.sla.figures.snapshots.freeze import FreezeResult, freeze
from services.sla.rules_now import rules_now

log = structlog.get_logger("motcua.snapshots")

_LOOK = 30.0
"""Seconds between two checks for a period to freeze."""
_PAUSE = 0.5
"""Seconds between two checks of how far a group has come, while waiting for it."""


class Folded:
    """Tells whether a consumer group has folded everything that was in a topic at a moment."""

    def __init__(self, offsets: Offsets, group: str, topic: str) -> None:
        self._offsets = offsets
        self._group = group
        self._topic = topic
        self._ends: dict[int, int] | None = None

    async def look(self) -> bool:
        """Return whether the group is that far. The first look sets the moment."""
        if self._ends is None:
            self._ends = await self._offsets.ends(self._topic)
        done = await self._offsets.committed(self._group, self._topic)
        return all(done.get(partition, 0) >= end for partition, end in self._ends.items())

    async def wait(self) -> None:
        """Return when the group has folded everything that was there at the first look."""
        while True:
            if await self.look():
                return
            await asyncio.sleep(_PAUSE)


class Freezing:
    """One instance's part in freezing the city's periods."""

    def __init__(self, running: Running[Settings], offsets: Offsets) -> None:
        self._running = running
        self._offsets = offsets
        self._folded: dict[str, Folded] = {}
        """For the periods whose time has come, by name."""

    async def look(self) -> list[str]:
        """Look once; return the periods that it froze."""
        running = self._running
        now = self._now()
        if now is None:
            return []
        decider, rules = running.decider(SlaDecider), rules_now(running)
        days = rules.book.figures.freeze_after_days
        begun = await keeping_since(running.database, now)
        frozen = {of.name for of in await snapshots.snapshots(running.database)}
        done: list[str] = []
        for period in due(begun, now - timedelta(days=days)):
            assert period.name is not None
            if period.name in frozen:
                self._folded.pop(period.name, None)
                continue
            topic = decider.topic
            folded = self._folded.setdefault(
                period.name, Folded(self._offsets, group_of(decider.name, topic), topic)
            )
            if not await folded.look():
                continue
            passing = running.faults.passing
            outcome = await freeze(running.database, period, rules, now, passing=passing)
            if outcome is FreezeResult.FROZEN:
                log.info("figures are frozen", period=period.name)
                done.append(period.name)
        return done

    def _now(self) -> datetime | None:
        """Return the time that all of this instance's partitions have reached, or None."""
        running = self._running
        now = min(
            (running.clock.now(p) for p in running.dossiers.ownership.owned), default=BEGINNING
        )
        return None if now == BEGINNING else now


def due(begun: datetime, settled: datetime) -> Iterator[Period]:
    """Yield the months and quarters that ended after `begun` and not after `settled`, in order."""
    found = [*_ended(month_at, begun, settled), *_ended(quarter_at, begun, settled)]
    yield from sorted(found, key=lambda period: (period.until, period.since))


def _ended(
    period_at: Callable[[datetime], Period], begun: datetime, settled: datetime
) -> Iterator[Period]:
    period = period_at(begun)
    while period.until <= settled:
        yield period
        period = period_at(period.until)


async def keeping_since(database: Database, now: datetime) -> datetime:
    """Return since when the city's periods are frozen: now, if this is the first look."""
    kept = database["snapshots_since"]
    await kept.update_one({"_id": "since"}, {"$setOnInsert": {"at": now}}, upsert=True)
    document = await kept.find_one({"_id": "since"})
    assert document is not None
    since: datetime = document["at"]
    return since


async def keep_freezing(running: Running[Settings]) -> None:
    """Freeze what is due until cancelled."""
    offsets = Offsets(running.settings.kafka)
    freezing = Freezing(running, offsets)
    try:
        while True:
            await patiently(freezing.look, first=_PAUSE, most=_LOOK)
            await asyncio.sleep(_LOOK)
    finally:
        await offsets.stop()
