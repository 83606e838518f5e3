"""``make bench``: the engine beside a bare loop, a whole city, messages, and a dossier's clock.

Every figure is taken in one run on one machine, and the ratios are what lasts: the machine's
speed drifts. Results go to .motcua/bench/results.json as well as to the table.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import time
from typing import Any

import bson
import uvloop
from rich.console import Console
from rich.table import Table

from deploy.local.stack.stack import Stack
from motcua.deciders import city_deciders
from services.runtime.kafka.producer import EventProducer
from services.runtime.kafka.topics import create_topics
from services.runtime.logging import configure
from services.runtime.mongo.client import Collection, client
from services.runtime.run import settle_memory
from services.runtime.settings import Settings
from tests.bench.city import city_run
from tests.bench.clocks import clocks_run
from tests.bench.loops import Run, bare_loop, engine_loop, log_ends, tutorial_loop
from tests.bench.messages import messages_run
from tests.bench.recording import recorded_log
from tests.bench.timers import timers_run
from tests.support.paths import ROOT

console = Console()


def main() -> None:
    """Runs the benches that are asked for; all of them by default."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--dossiers", type=int, default=4_000, help="in the recorded log")
    parser.add_argument("--rounds", type=int, default=3, help="of each loop, in turn")
    parser.add_argument("--tutorial", type=int, default=3_000, help="records for the tutorial")
    parser.add_argument("--city", type=int, default=6_000, help="dossiers of the whole city")
    parser.add_argument("--timers", type=int, default=100_000, help="that are due at one moment")
    parser.add_argument("--rate", type=float, default=60.0, help="dossiers filed a second")
    parser.add_argument("--seconds", type=float, default=60.0, help="for which they are filed")
    parser.add_argument("--told", type=int, default=4_000, help="dossiers to tell of at once")
    parser.add_argument("--only", choices=("loops", "city", "timers", "clocks", "messages"))
    options = parser.parse_args()
    configure("bench", level="WARNING", as_json=False)
    results: dict[str, Any] = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
    if options.only in (None, "clocks"):
        results["clocks"] = clocks_run(console)
    if options.only != "clocks":
        _on_the_stack(options, results)
    path = ROOT / ".motcua" / "bench" / "results.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n")
    console.print(f"results: {path.relative_to(ROOT)}")


def _on_the_stack(options: argparse.Namespace, results: dict[str, Any]) -> None:
    """Runs the benches that need Kafka and MongoDB, on a stack of their own."""
    stack = Stack(ROOT, "bench", die_with_parent=True, kafka_tuned=True)
    stack.reset()
    console.print("starting Kafka and MongoDB")
    endpoints = stack.up()
    try:
        if options.only in (None, "loops"):
            settings = Settings(kafka=endpoints.kafka, mongo=endpoints.mongo, partitions=4)
            # On the loop that the services run on, for every contestant.
            results["loops"] = uvloop.run(_loops(settings, options))
        if options.only in (None, "city"):
            stack.reset()
            results["city"] = city_run(stack, ROOT, options.city, console)
        if options.only in (None, "messages"):
            results["messages"] = messages_run(
                stack, ROOT, options.rate, options.seconds, options.told, console
            )
        if options.only in (None, "timers"):
            stack.reset()
            endpoints = stack.up()
            settings = Settings(kafka=endpoints.kafka, mongo=endpoints.mongo, partitions=4)
            results["timers"] = uvloop.run(timers_run(stack, settings, options.timers, console))
    finally:
        stack.down()
        stack.reset()


async def _loops(settings: Settings, options: argparse.Namespace) -> dict[str, Any]:
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    await create_topics(settings)
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    await admin.create_topics([NewTopic("bench.out", settings.partitions, 1)])
    await admin.close()
    with console.status(f"recording a city of {options.dossiers} dossiers in memory"):
        log = recorded_log(options.dossiers)
    producer = EventProducer(settings.kafka)
    await producer.start()
    for at in range(0, len(log), 2_000):
        await producer.publish(log[at : at + 2_000])
    await producer.stop()
    # A service has no recording in its memory that the garbage collector would walk through.
    del log
    settle_memory()
    ends = await log_ends(settings)
    mongo = client(settings.mongo)
    found: dict[str, Any] = {"records": sum(ends.values())}
    table = Table("service", "loop", "records/s", "CPU µs/record", "written", "published", "ratio")
    for decider in city_deciders():
        rows: dict[str, list[Run]] = {"bare": [], "engine": []}
        for number in range(options.rounds):
            gc.collect()
            with console.status(f"{decider.name}: round {number + 1}"):
                # A group and a database of its own for each round, so that all is done afresh.
                decider.name = f"{decider.name.partition('-')[0]}-{number}-{time.time_ns()}"
                database = mongo[f"bench_{decider.name}"]
                engine = await engine_loop(decider, settings, database, ends)
                sample = await _middling(database[decider.collection])
                bare = await bare_loop(settings, database, ends, engine, sample)
                await mongo.drop_database(database.name)
            rows["engine"].append(engine)
            rows["bare"].append(bare)
        name = decider.name.partition("-")[0]
        with console.status(f"{name}: as a tutorial would write it"):
            decider.name = name
            database = mongo[f"bench_tutorial_{name}"]
            tutorial = await tutorial_loop(decider, settings, database, options.tutorial)
            await mongo.drop_database(database.name)
        ratios = [e.per_second / b.per_second for e, b in zip(*_pair(rows), strict=True)]
        found[name] = {
            "bare": [run.__dict__ | {"per_second": run.per_second} for run in rows["bare"]],
            "engine": [run.__dict__ | {"per_second": run.per_second} for run in rows["engine"]],
            "tutorial": tutorial.__dict__ | {"per_second": tutorial.per_second},
            "engine_to_bare": statistics.median(ratios),
            "engine_to_tutorial": statistics.median(e.per_second for e in rows["engine"])
            / tutorial.per_second,
        }
        for label, runs in (("bare", rows["bare"]), ("engine", rows["engine"])):
            _row(table, name, label, runs, found[name]["engine_to_bare"])
        _row(table, name, "tutorial", [tutorial], 1 / found[name]["engine_to_tutorial"])
    console.print(table)
    console.print("ratio: of engine to bare; of the tutorial to the engine")
    mongo.close()
    return found


async def _middling(collection: Collection) -> dict[str, Any]:
    """A document of middling size among those that the engine wrote."""
    documents = await collection.find().limit(500).to_list(500)
    return sorted(documents, key=lambda document: len(bson.encode(document)))[len(documents) // 2]


def _pair(rows: dict[str, list[Run]]) -> tuple[list[Run], list[Run]]:
    return rows["engine"], rows["bare"]


def _row(table: Table, service: str, label: str, runs: list[Run], ratio: float) -> None:
    middle = sorted(runs, key=lambda run: run.per_second)[len(runs) // 2]
    spread = [run.per_second for run in runs]
    table.add_row(
        service,
        label,
        f"{middle.per_second:,.0f} ({min(spread):,.0f} to {max(spread):,.0f})",
        f"{middle.cpu_seconds / middle.records * 1e6:.0f}",
        f"{middle.written:,}",
        f"{middle.published:,}",
        "" if label == "bare" else f"{ratio:.2f}",
    )


if __name__ == "__main__":
    main()
