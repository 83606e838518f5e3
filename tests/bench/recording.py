"""A recorded log for the benches: a simulated city, decided in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import TopicPartition

from contracts.catalogue import load_catalogue
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS
from motcua.deciders import calendars, city_deciders
from motcua.simulate import Simulation, simulate_day, slices
from services.runtime.core.decider import Decider
from services.runtime.kafka.clients import AIOKAFKA
from services.runtime.kafka.offsets import Offsets
from services.runtime.kafka.producer import EventProducer
from services.runtime.loop.consumer import group_of
from services.runtime.settings import Settings
from services.runtime.testing import InProcess

_TOGETHER = 2_000


def recorded_log(dossiers: int, seed: int = 7) -> list[Event]:
    """Every record of such a city's log: what was asked, and what the services decided."""
    simulated = simulate_day(
        Simulation(dossiers=dossiers // 3, carried_over=dossiers - dossiers // 3, seed=seed),
        load_catalogue(),
        calendars(),
    )
    city = InProcess(city_deciders())
    for piece in slices(simulated.requests, ends=simulated.ends):
        city.feed(piece.events)
    return city.log


async def publish(settings: Settings, events: Sequence[Event]) -> None:
    """Writes the events to the log, in their order."""
    producer = EventProducer(settings.kafka)
    await producer.start()
    for at in range(0, len(events), _TOGETHER):
        await producer.publish(events[at : at + _TOGETHER])
    await producer.stop()


async def log_ends(settings: Settings) -> dict[int, int]:
    """Where the log of dossiers ends, by partition."""
    offsets = Offsets(settings.kafka)
    try:
        return await offsets.ends(DOSSIER_EVENTS)
    finally:
        await offsets.stop()


async def rewind(settings: Settings, decider: Decider[Any], ends: Mapping[int, int]) -> None:
    """Puts the decider's group, which nobody is in, back to where the log begins.

    Under another name its facts would get other ids than those on the log, and be folded twice.
    """
    consumer = AIOKAFKA.consumer(
        bootstrap_servers=settings.kafka,
        group_id=group_of(decider.name, decider.topic),
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        begins = {TopicPartition(decider.topic, partition): 0 for partition in ends}
        consumer.assign(list(begins))
        await consumer.commit(begins)
    finally:
        await consumer.stop()
