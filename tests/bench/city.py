"""All four services end to end, broker and database on the same cores: events a second.

Beside them, in the same rounds, four loops that decide nothing (`tests.bench.city_bare`).
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from pathlib import Path
from typing import Any

from rich.table import Table

from contracts.catalogue import load_catalogue
from contracts.wire.topics import SERVICES
from deploy.local.stack.city import City, cpu_seconds
from deploy.local.stack.endpoints import Endpoints
from deploy.local.stack.stack import Stack
from motcua.deciders import calendars
from motcua.feed import Feed
from motcua.simulate import Simulation, simulate_day, slices
from services.runtime.kafka.topics import create_topics
from services.runtime.settings import Settings
from tests.bench.city_bare import bare_city, seconds_of
from tests.bench.report import Report


def city_run(
    stack: Stack, root: Path, dossiers: int, rounds: int, report: Report
) -> dict[str, Any]:
    """Feeds a simulated city as fast as it is handled, in rounds; says where the time went."""
    report.step(f"city: planning {dossiers:,} dossiers")
    simulated = simulate_day(
        # Wide gaps make wide slices: it is the services that are measured, not the waiting
        # for them to settle.
        Simulation(
            dossiers=dossiers // 4,
            carried_over=dossiers - dossiers // 4,
            seed=11,
            min_gap_minutes=60,
            min_gap_minutes_before=240,
        ),
        load_catalogue(),
        calendars(),
    )
    found: list[dict[str, Any]] = []
    for number in range(rounds):
        report.step(f"city: round {number + 1} of {rounds}")
        stack.reset()
        endpoints = stack.up()
        settings = Settings(kafka=endpoints.kafka, mongo=endpoints.mongo, partitions=4)
        asyncio.run(create_topics(settings))
        worked = _round(stack, endpoints, root, simulated)
        report.step(f"city: round {number + 1} of {rounds}, undecided")
        bare = bare_city(settings)
        worked["bare"] = {name: run.figures() for name, run in bare.items()}
        worked["bare_events_per_second"] = worked["events"] / seconds_of(bare)
        found.append(worked)
    ratios = [each["events_per_second"] / each["bare_events_per_second"] for each in found]
    middle = sorted(found, key=lambda each: each["events_per_second"])[len(found) // 2]
    _show(middle, statistics.median(ratios), report)
    return {"dossiers": dossiers, "rounds": found, "ratios": {"city": ratios}}


def _round(stack: Stack, endpoints: Endpoints, root: Path, simulated: Any) -> dict[str, Any]:
    folder = root / ".motcua" / "bench" / "logs"
    with City(endpoints, folder, clock="stream", partitions=4) as city:
        city.start_all(processes=SERVICES)
        parts = {part.part: part.pid for part in stack.status() if part.pid is not None}
        pids = {i.service: i.process.pid for i in city.instances} | parts
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        own = time.process_time()
        start = time.perf_counter()
        slices_fed, records = asyncio.run(_feed(endpoints.kafka, simulated))
        seconds = time.perf_counter() - start
        cpu = {name: cpu_seconds(pid) - before[name] for name, pid in pids.items()}
        cpu["the feed"] = time.process_time() - own
        memory = {i.service: i.memory() / 2**20 for i in city.instances}
    return {
        "requests": len(simulated.requests),
        "events": records,
        "seconds": seconds,
        "events_per_second": records / seconds,
        "cpu_seconds": cpu,
        "memory_mib": memory,
        "slices": slices_fed,
    }


def _show(found: dict[str, Any], ratio: float, report: Report) -> None:
    events, seconds = found["events"], found["seconds"]
    cpu, memory = found["cpu_seconds"], found["memory_mib"]
    table = Table("process", "CPU s", "CPU µs/event", "memory MiB")
    for name, used in cpu.items():
        mib = f"{memory[name]:.0f}" if name in memory else ""
        table.add_row(name, f"{used:.1f}", f"{used / events * 1e6:.0f}", mib)
    idle = 1 - sum(cpu.values()) / (seconds * (os.cpu_count() or 1))
    table.add_row("idle, or other processes", f"{100 * idle:.0f} %", "", "")
    report.show(
        table,
        f"{events:,} events in {seconds:.1f} s: "
        f"[bold]{found['events_per_second']:,.0f} events/s[/bold] "
        f"({found['requests']:,} requests, {found['slices']} slices); undecided "
        f"{found['bare_events_per_second']:,.0f} events/s; ratio [bold]{ratio:.2f}[/bold]",
    )


async def _feed(kafka: str, simulated: Any) -> tuple[int, int]:
    feed = Feed(kafka)
    await feed.start()
    fed = 0
    try:
        for piece in slices(simulated.requests, ends=simulated.ends):
            await feed.send(piece.events)
            await feed.settle()
            await feed.tick_mornings()
            await feed.tick(piece.until)
            fed += 1
        await feed.settle()
        await feed.tick_mornings()
        await feed.settle()
        return fed, sum((await feed.ends()).values())
    finally:
        await feed.stop()
