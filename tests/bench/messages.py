"""From a fact to the provider that took its message: how soon, and how many a second.

How soon: the four services, Kafka, MongoDB and the provider on one machine, and citizens who file
at a steady rate; from the moment that a fact stands in the log to the line in the provider's own
ledger. How many: notify alone, given all facts at once, beside a loop that decides nothing and
reads, writes, publishes and hands over as much, with as many connections.
"""

from __future__ import annotations

import asyncio
import statistics
from pathlib import Path
from typing import Any

import uvloop
from rich.table import Table

from deploy.local.stack.endpoints import Endpoints
from deploy.local.stack.stack import Stack
from services.runtime.kafka.topics import create_topics
from services.runtime.settings import Settings
from tests.bench.message_bare import bare_tells
from tests.bench.message_delays import delays
from tests.bench.message_engine import notify_tells
from tests.bench.report import Report
from tests.bench.sms_city import PARTITIONS


def messages_run(
    stack: Stack,
    root: Path,
    rate: float,
    seconds: float,
    dossiers: int,
    rounds: int,
    report: Report,
) -> dict[str, Any]:
    """How soon, once; how many, in rounds; each measurement on a stack of its own."""
    report.step(f"messages: {rate:.0f} dossiers a second for {seconds:.0f} s")
    endpoints, _ = _fresh(stack)
    soon = uvloop.run(delays(endpoints, root, rate, seconds))
    found: list[dict[str, Any]] = []
    for number in range(rounds):
        doing = f"messages: {dossiers:,} dossiers at once, round {number + 1} of {rounds}"
        report.step(doing)
        endpoints, settings = _fresh(stack)
        engine = uvloop.run(notify_tells(settings, endpoints, root, dossiers))
        report.step(f"{doing}, undecided")
        endpoints, settings = _fresh(stack)
        bare = uvloop.run(bare_tells(settings, endpoints, dossiers, engine.pop("samples")))
        found.append({"engine": engine, "bare": bare})
    ratios = [each["engine"]["per_second"] / each["bare"]["per_second"] for each in found]
    _show_delays(soon, report)
    _show_rounds(found, statistics.median(ratios), report)
    return {"delays": soon, "rounds": found, "ratios": {"messages": ratios}}


def _fresh(stack: Stack) -> tuple[Endpoints, Settings]:
    stack.reset()
    endpoints = stack.up()
    settings = Settings(kafka=endpoints.kafka, mongo=endpoints.mongo, partitions=PARTITIONS)
    asyncio.run(create_topics(settings))
    return endpoints, settings


def _show_delays(found: dict[str, Any], report: Report) -> None:
    table = Table("message", "count", "p50 ms", "p99 ms", "most ms")
    for name, spread in found["seconds"].items():
        figures = (f"{spread[key] * 1000:,.0f}" for key in ("p50", "p99", "most"))
        table.add_row(name, f"{spread['count']:,}", *figures)
    report.show(f"fact to provider at {found['rate']:.0f} dossiers a second", table)


def _show_rounds(found: list[dict[str, Any]], ratio: float, report: Report) -> None:
    table = Table("loop", "messages/s (spread)", "CPU µs/message")
    for name in ("bare", "engine"):
        speeds = [each[name]["per_second"] for each in found]
        costs = [each[name]["cpu_us_a_message"] for each in found]
        table.add_row(
            name,
            f"{statistics.median(speeds):,.0f} ({min(speeds):,.0f} to {max(speeds):,.0f})",
            f"{statistics.median(costs):,.0f}",
        )
    report.show(table, f"engine to bare: [bold]{ratio:.2f}[/bold]")
