"""Each service's engine beside a bare loop and a tutorial's, over one recorded log."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Sequence
from typing import Any

from rich.table import Table

from motcua.deciders import city_deciders
from services.runtime.core.decider import Decider
from services.runtime.kafka.topics import create_topics
from services.runtime.mongo.client import client
from services.runtime.process import freeze_startup_objects
from services.runtime.settings import Settings
from tests.bench.bare_loop import bare_loop, create_out, middling
from tests.bench.engine_loop import engine_loop
from tests.bench.recording import log_ends, publish, recorded_log, rewind
from tests.bench.report import Report
from tests.bench.run import Run
from tests.bench.tutorial_loop import tutorial_loop


async def loops_run(
    settings: Settings, dossiers: int, rounds: int, tutorial: int, report: Report
) -> dict[str, Any]:
    """Runs every loop over such a city's log, in rounds; the tutorial's over its first records."""
    await create_topics(settings)
    await create_out(settings)
    report.step(f"loops: recording a city of {dossiers:,} dossiers in memory")
    log = recorded_log(dossiers)
    await publish(settings, log)
    # A service has no recording in its memory that the garbage collector would walk through.
    del log
    freeze_startup_objects()
    ends = await log_ends(settings)
    found: dict[str, Any] = {"records": sum(ends.values()), "ratios": {}}
    table = Table("service", "loop", "records/s (spread)", "CPU µs/record", "ratio")
    for decider in city_deciders():
        name = decider.name
        engines: list[Run] = []
        bares: list[Run] = []
        for number in range(rounds):
            report.step(f"loops: {name}, round {number + 1} of {rounds}")
            engine, bare = await _round(decider, settings, ends)
            engines.append(engine)
            bares.append(bare)
        report.step(f"loops: {name}, as a tutorial would write it")
        slow = await _tutorial(decider, settings, name, tutorial)
        ratios = [e.per_second / b.per_second for e, b in zip(engines, bares, strict=True)]
        to_bare = statistics.median(ratios)
        to_tutorial = statistics.median(e.per_second for e in engines) / slow.per_second
        found["ratios"][f"loops.{name}"] = ratios
        found[name] = {
            "bare": [run.figures() for run in bares],
            "engine": [run.figures() for run in engines],
            "tutorial": slow.figures(),
            "engine_to_bare": to_bare,
            "engine_to_tutorial": to_tutorial,
        }
        _row(table, name, "bare", bares, "")
        _row(table, name, "engine", engines, f"{to_bare:.2f}")
        _row(table, name, "tutorial", [slow], f"{1 / to_tutorial:.2f}")
    report.show(table, "ratio: of engine to bare; of the tutorial to the engine")
    return found


async def _round(
    decider: Decider[Any], settings: Settings, ends: dict[int, int]
) -> tuple[Run, Run]:
    """The engine, then the bare loop: over the whole log, with a database of its own."""
    gc.collect()
    await rewind(settings, decider, ends)
    mongo = client(settings.mongo)
    database = mongo[f"bench_{decider.name}_{time.time_ns()}"]
    engine = await engine_loop(decider, settings, database, ends)
    sample = await middling(database[decider.collection])
    bare = await bare_loop(settings, database, ends, engine, sample)
    await mongo.drop_database(database.name)
    mongo.close()
    return engine, bare


async def _tutorial(decider: Decider[Any], settings: Settings, name: str, most: int) -> Run:
    mongo = client(settings.mongo)
    database = mongo[f"bench_tutorial_{name}"]
    run = await tutorial_loop(decider, settings, database, most)
    await mongo.drop_database(database.name)
    mongo.close()
    return run


def _row(table: Table, service: str, label: str, runs: Sequence[Run], ratio: str) -> None:
    middle = sorted(runs, key=lambda run: run.per_second)[len(runs) // 2]
    spread = [run.per_second for run in runs]
    table.add_row(
        service,
        label,
        f"{middle.per_second:,.0f} ({min(spread):,.0f} to {max(spread):,.0f})",
        f"{middle.cpu_seconds / middle.records * 1e6:.0f}",
        ratio,
    )
