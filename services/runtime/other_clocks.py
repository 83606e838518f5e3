"""Whether the machine's clock agrees, at the start, with the database's and the log's.

A live city judges deadlines by the machine's clock. Later on, `WallClock` bears a clock that is
set; only at the start it has nothing to go by but the others.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from aiokafka import TopicPartition

from services.runtime.kafka.clients import Clients
from services.runtime.kafka.offsets import Offsets
from services.runtime.loop.clock import Clock
from services.runtime.mongo.client import Database
from services.runtime.refusal import CannotStart
from services.runtime.service import Running
from services.runtime.settings import Settings

_TAIL = 20
"""The offsets at a partition's end that are looked through: some hold no record, but a marker."""


class ClocksDisagree(CannotStart):
    """The machine's clock cannot be believed; the text names all times and the remedy."""


async def check_clocks(running: Running[Settings], offsets: Offsets | None) -> None:
    """Raise ClocksDisagree if the service's time is too far from the others'.

    The log has no clock to be asked, only the times at which its newest records came: it cannot
    show that the machine is ahead. `offsets`: None for who does not read the log.
    """
    settings, topic = running.settings, running.dossiers.decider.topic
    faults = [
        database_fault(*await _database_time(running.database, running.clock), settings.clock_apart)
    ]
    if offsets is not None and (
        stamps := await _newest_stamps(settings.kafka, topic, offsets, running.kafka)
    ):
        faults.append(log_fault(running.clock.now(), stamps, settings.clock_apart))
    if said := "; ".join(filter(None, faults)):
        raise ClocksDisagree(
            f"{said}. MOTCUA_CLOCK_APART allows {settings.clock_apart:g} s. Set the clock that is "
            "wrong (`timedatectl` shows whether a machine's is synchronised) and start again"
        )


def database_fault(
    machine: datetime, database: datetime, uncertain: timedelta, limit: float
) -> str | None:
    """Return what is wrong between machine and database; both times were read within `uncertain`.

    `limit`: seconds.
    """
    apart = abs(machine - database)
    if apart - uncertain <= timedelta(seconds=limit):
        return None
    return (
        f"this machine's clock says {machine.isoformat()} and MongoDB's {database.isoformat()}: "
        f"{_seconds(apart)} apart"
    )


def log_fault(machine: datetime, stamps: Mapping[int, datetime], limit: float) -> str | None:
    """Return what is wrong if the newest records of the partitions came later than now."""
    partition = max(stamps, key=lambda each: stamps[each])
    ahead = stamps[partition] - machine
    if ahead <= timedelta(seconds=limit):
        return None
    return (
        f"this machine's clock says {machine.isoformat()}, and Kafka took the newest record of "
        f"partition {partition} at {stamps[partition].isoformat()}: {_seconds(ahead)} later"
    )


def _seconds(apart: timedelta) -> str:
    return f"{apart.total_seconds():,.0f} s"


async def _database_time(database: Database, clock: Clock) -> tuple[datetime, datetime, timedelta]:
    """Return the service's time, the database's, and within how much both were read."""
    machine, began = clock.now(), time.monotonic()
    hello = await database.command("hello", codec_options=database.codec_options)
    half = timedelta(seconds=(time.monotonic() - began) / 2)
    return machine + half, hello["localTime"], half


async def _newest_stamps(
    bootstrap: str, topic: str, offsets: Offsets, clients: Clients
) -> dict[int, datetime]:
    """Return when the newest record of each partition came, of those that have one."""
    ends = {TopicPartition(topic, p): end for p, end in (await offsets.ends(topic)).items() if end}
    stamps: dict[int, datetime] = {}
    if not ends:
        return stamps
    consumer = clients.consumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        consumer.assign(list(ends))
        for tp, end in ends.items():
            consumer.seek(tp, max(0, end - _TAIL))
        while left := [tp for tp, end in ends.items() if await consumer.position(tp) < end]:
            for tp, records in (await consumer.getmany(*left, timeout_ms=1_000)).items():
                stamps[tp.partition] = datetime.fromtimestamp(records[-1].timestamp / 1000, UTC)
    finally:
        await consumer.stop()
    return stamps
