"""A city's worth of timers that are due at one moment: when each is said, none early, none twice.

Dossiers are received and routed over the log, as in life, and sla's engine sets their deadlines.
Then a second engine takes the partitions over, by a clock that runs as the wall's does and shows
some seconds before the moment at which every dossier's first timer is due. Beside it, a loop that
decides nothing and reads, publishes and writes as much: the ratio of the two is what lasts. Before
each further round, the states are put back to what they were.
"""

from __future__ import annotations

import asyncio
import os
import statistics
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.table import Table

from contracts.wire.topics import DOSSIER_EVENTS
from deploy.local.stack.city import cpu_seconds
from deploy.local.stack.stack import Stack
from motcua.deciders import city_deciders
from services.runtime.core.decider import Decider
from services.runtime.core.stored import Stored
from services.runtime.kafka.offsets import Offsets
from services.runtime.kafka.producer import EventProducer
from services.runtime.kafka.topics import create_topics
from services.runtime.loop.clock import WallClock
from services.runtime.loop.engine import Engine
from services.runtime.mongo.client import Database, client
from services.runtime.mongo.partitions import Partitions
from services.runtime.mongo.store import Store
from services.runtime.process import freeze_startup_objects
from services.runtime.settings import Settings
from tests.bench.bare_loop import create_out
from tests.bench.due_dossiers import first_timer, receive
from tests.bench.peak_memory import forget_peak_memory, peak_memory
from tests.bench.recording import log_ends
from tests.bench.report import Report
from tests.bench.running import handled, raise_failure, running
from tests.bench.timers_bare import bare_timers
from tests.bench.timers_said import read_said

_LEAD = timedelta(seconds=8)
"""What the engine that is measured is given to join its group before the timers are due."""
_KEPT = "before_any_timer"
"""The collection in which the states are kept for further rounds."""
_BOUNDS = (0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 60.0)
"""Of the lateness table, in seconds."""


async def timers_run(
    stack: Stack, settings: Settings, count: int, rounds: int, report: Report
) -> dict[str, Any]:
    """Lets so many timers fall due at once, in rounds; says how late each was."""
    await create_topics(settings)
    await create_out(settings)
    decider = next(decider for decider in city_deciders() if decider.name == "sla")
    due, facts_each = first_timer(decider)
    mongo = client(settings.mongo)
    found: list[dict[str, Any]] = []
    try:
        database = mongo["bench_timers"]
        report.step(f"timers: receiving {count:,} dossiers")
        await receive(decider, settings, database, count)
        await database[decider.collection].aggregate([{"$out": _KEPT}]).to_list(None)
        for number in range(rounds):
            report.step(f"timers: {count:,} due at once, round {number + 1} of {rounds}")
            await database[_KEPT].aggregate([{"$out": decider.collection}]).to_list(None)
            fired = await _round(stack, settings, database, decider, due, count)
            report.step(f"timers: round {number + 1} of {rounds}, undecided")
            fired["seconds_bare"] = await bare_timers(settings, database[decider.collection])
            found.append(fired | {"facts_expected": count * facts_each})
    finally:
        mongo.close()
    ratios = [each["seconds_bare"] / each["seconds_to_last_state_written"] for each in found]
    middle = sorted(found, key=lambda each: each["seconds_to_last_state_written"])[len(found) // 2]
    _show(middle, statistics.median(ratios), report)
    return {"rounds": found, "ratios": {"timers": ratios}}


async def _round(
    stack: Stack,
    settings: Settings,
    database: Database,
    decider: Decider[Any],
    due: datetime,
    count: int,
) -> dict[str, Any]:
    freeze_startup_objects()
    before = await log_ends(settings)
    pids = {part.part: part.pid for part in stack.status() if part.pid is not None}
    pids["engine"] = os.getpid()
    forget_peak_memory()
    shift = due - _LEAD - datetime.now(UTC)
    clock = WallClock(wall=lambda: datetime.now(UTC) + shift)
    store = _TimedStore(database[decider.collection], decider, clock, due)
    partitions = Partitions(database, decider.topic, decider.collection)
    timed = Engine(decider, store, partitions, EventProducer(settings.kafka), clock, settings)
    async with running(timed) as (engine, consumer):
        if clock.now() >= due:
            raise RuntimeError(f"the engine took longer than {_LEAD} to join its group")
        cpu = {name: cpu_seconds(pid) for name, pid in pids.items()}
        offsets = Offsets(settings.kafka)
        timers = asyncio.create_task(consumer.run_timers(offsets))
        while store.written < count:
            raise_failure(consumer)
            await asyncio.sleep(0.01)
        fired = max(store.lateness)
        after = await offsets.ends(DOSSIER_EVENTS)
        await handled(engine, consumer, after)
        consumed = (clock.now() - due).total_seconds()
        cpu = {name: cpu_seconds(pid) - cpu[name] for name, pid in pids.items()}
        timers.cancel()
        await asyncio.gather(timers, return_exceptions=True)
        await offsets.stop()
    memory = peak_memory()
    said = await read_said(settings, before, after, due, shift)
    return {
        "timers": count,
        "facts": said.facts,
        "seconds_to_last_state_written": fired,
        "seconds_to_own_facts_consumed": consumed,
        "timers_per_second": count / fired,
        "early": said.early,
        "repeated": said.repeated,
        "not_at_their_due_time": said.untimely,
        "memory_mib": memory / 2**20,
        "cpu_seconds": cpu,
        "lateness": dict(_histogram(store.lateness)),
    }


class _TimedStore(Store[Any]):
    """Puts down how long after the due time each state was written."""

    def __init__(
        self, collection: Any, decider: Decider[Any], clock: WallClock, due: datetime
    ) -> None:
        super().__init__(collection, decider.state_type)
        self.lateness: list[float] = []
        self._clock = clock
        self._due = due

    @property
    def written(self) -> int:
        """States written; sla's own facts write none when they come back."""
        return len(self.lateness)

    async def persist(self, subjects: Iterable[Stored[Any]]) -> None:
        dirty = list(subjects)
        await super().persist(dirty)
        self.lateness += [(self._clock.now() - self._due).total_seconds()] * len(dirty)


def _histogram(lateness: Iterable[float]) -> Iterator[tuple[str, int]]:
    """How many were at most so many seconds late, and more than the bucket before."""
    counts = Counter(bisect_left(_BOUNDS, seconds) for seconds in lateness)
    for index in range(max(counts) + 1):
        label = f"{_BOUNDS[index]:g} s" if index < len(_BOUNDS) else "more"
        yield label, counts[index]


def _show(found: dict[str, Any], ratio: float, report: Report) -> None:
    table = Table("said at most so late", "timers", "")
    most = max(found["lateness"].values())
    for label, number in found["lateness"].items():
        table.add_row(label, f"{number:,}", "█" * round(40 * number / most))
    used = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in found["cpu_seconds"].items())
    report.show(
        table,
        f"{found['timers']:,} timers due at once: the last one's fact acked and its state written "
        f"after [bold]{found['seconds_to_last_state_written']:.2f} s[/bold] "
        f"({found['timers_per_second']:,.0f} timers/s), own facts consumed again after "
        f"{found['seconds_to_own_facts_consumed']:.2f} s; ratio to a bare loop "
        f"{ratio:.2f} ({found['seconds_bare']:.2f} s)",
        f"{found['facts']:,} facts of {found['facts_expected']:,}; early {found['early']}, "
        f"repeated {found['repeated']}, not at their due time {found['not_at_their_due_time']}; "
        f"at most {found['memory_mib']:.0f} MiB; CPU: {used}",
    )
