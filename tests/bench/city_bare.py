"""What a city's four services could do at the most on this machine: the same work, undecided.

Four processes read the city's own log side by side; each writes as many documents and publishes as
many records as its service did.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier
from typing import Any

import uvloop
from aiokafka import TopicPartition

from contracts.wire.topics import DOSSIER_EVENTS, NOTIFICATION_EVENTS, UNIT_ALERTS
from motcua.deciders import city_deciders
from services.runtime.kafka.clients import AIOKAFKA
from services.runtime.kafka.offsets import Offsets
from services.runtime.mongo.client import Collection, client
from services.runtime.settings import Settings
from tests.bench.bare_loop import bare_loop, create_out, middling
from tests.bench.recording import log_ends
from tests.bench.run import Run

_TOGETHER: list[Barrier] = []
"""In a process of the pool: where it waits for the others."""
_TOPICS = (DOSSIER_EVENTS, NOTIFICATION_EVENTS, UNIT_ALERTS)


def bare_city(settings: Settings) -> dict[str, Run]:
    """By service, what its loop did; on the stack on which the city has just been run."""
    ends, like, samples = uvloop.run(_work(settings))
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(len(like))
    with ProcessPoolExecutor(len(like), context, _join, (together,)) as pool:
        running = {
            name: pool.submit(_alone, settings, name, ends, like[name], samples[name])
            for name in like
        }
        return {name: each.result() for name, each in running.items()}


def _join(together: Barrier) -> None:
    _TOGETHER.append(together)


def seconds_of(runs: Mapping[str, Run]) -> float:
    """From the first batch of the first of the loops to the end of the last."""
    ended = max(run.began + run.seconds for run in runs.values())
    return ended - min(run.began for run in runs.values())


def _alone(
    settings: Settings, name: str, ends: dict[int, int], like: Run, sample: dict[str, Any]
) -> Run:
    """In a process of its own, as its service has one."""

    async def loop() -> Run:
        mongo = client(settings.mongo)
        try:
            database = mongo[f"bench_bare_{name}"]
            return await bare_loop(settings, database, ends, like, sample, _TOGETHER[0])
        finally:
            mongo.close()

    return uvloop.run(loop())


async def _work(
    settings: Settings,
) -> tuple[dict[int, int], dict[str, Run], dict[str, dict[str, Any]]]:
    """Where the log ends, what each service did, and a document as each wrote them."""
    await create_out(settings)
    ends = await log_ends(settings)
    published = await _published(settings)
    mongo = client(settings.mongo)
    like: dict[str, Run] = {}
    samples: dict[str, dict[str, Any]] = {}
    for decider in city_deciders():
        collection = mongo[f"motcua_{decider.name}"][decider.collection]
        run = Run(sum(ends.values()), published=published[f"/motcua/{decider.name}"])
        run.written = await _written(collection)
        like[decider.name], samples[decider.name] = run, await middling(collection)
    mongo.close()
    return ends, like, samples


async def _written(collection: Collection) -> int:
    """How often a document was written: each counts it."""
    (found,) = await collection.aggregate(
        [{"$group": {"_id": None, "written": {"$sum": "$v"}}}]
    ).to_list(1)
    return int(found["written"])


async def _published(settings: Settings) -> Counter[str]:
    """How many records each has published, by its name as a source."""
    offsets = Offsets(settings.kafka)
    ends = {
        TopicPartition(topic, partition): end
        for topic in _TOPICS
        for partition, end in (await offsets.ends(topic)).items()
    }
    await offsets.stop()
    consumer = AIOKAFKA.consumer(bootstrap_servers=settings.kafka)
    await consumer.start()
    consumer.assign(list(ends))
    await consumer.seek_to_beginning(*ends)
    found: Counter[str] = Counter()
    while any([await consumer.position(tp) < end for tp, end in ends.items()]):
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            found.update(dict(record.headers)["ce_source"].decode() for record in records)
    await consumer.stop()
    return found
