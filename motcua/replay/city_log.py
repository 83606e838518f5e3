"""Reads a live city's log, to record it: twice, first to see what belongs to it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from contracts.events import intake, routing
from contracts.events.clock import ClockTicked
from contracts.values import DOSSIER_CODE
from contracts.wire.codec import BadRecord, decode, type_of
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS, NOTIFICATION_EVENTS, UNIT_ALERTS
from motcua.replay.header import Selection
from motcua.replay.lines import Recorded
from motcua.replay.recording import BROADCAST
from services.runtime import AIOKAFKA, ClockKind, Offsets, read_merged

TOPICS = (DOSSIER_EVENTS, UNIT_ALERTS, NOTIFICATION_EVENTS)
"""What is recorded, each after what it follows from. Contact data decides nothing, and is not."""
Told = Callable[[int, int], None]
_TICK = ClockTicked.TYPE
_is_dossier = re.compile(DOSSIER_CODE).fullmatch


@dataclass
class Found:
    """What the first reading finds."""

    clock: ClockKind = ClockKind.WALL
    until: datetime | None = None
    """The newest tick; None without one."""
    dossiers: set[str] | None = None
    """Those that were selected; None for all."""
    unreadable: list[str] = field(default_factory=list)
    """Records that are no events: their place, and why."""


class CityLog:
    """The log of a city up to where it ends when it is first looked at."""

    def __init__(self, consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> None:
        self._consumer = consumer
        self._ends = ends

    @property
    def partitions(self) -> int:
        """The number of partitions of the log."""
        return sum(tp.topic == DOSSIER_EVENTS for tp in self._ends)

    @property
    def offsets(self) -> dict[str, dict[str, tuple[int, int]]]:
        """From where to where it is read, by topic and partition."""
        found: dict[str, dict[str, tuple[int, int]]] = {}
        for tp, end in sorted(self._ends.items()):
            found.setdefault(tp.topic, {})[str(tp.partition)] = (0, end)
        return found

    async def look(self, selection: Selection, told: Told) -> Found:
        """Read what a selection depends on, and what time it is in the city."""
        found = Found(dossiers=set(selection.dossiers) if selection.dossiers else None)
        sought: dict[str, set[str]] = {name: set() for name in _sought(selection)}
        known: set[str] = set()
        async for record in self._read({DOSSIER_EVENTS}, told):
            if type_of(record.headers) != _TICK and not sought:
                continue
            event = _event(record, found)
            if event is None or event.subject in BROADCAST:
                if event is not None and isinstance(event.data, ClockTicked):
                    found.clock = ClockKind.STREAM
                    found.until = max(event.time, found.until or event.time)
                continue
            first = event.subject not in known
            known.add(event.subject)
            for name in _matched(selection, event, first=first):
                sought[name].add(event.subject)
        for each in sought.values():
            found.dossiers = each if found.dossiers is None else each & found.dossiers
        found.unreadable.clear()  # the second reading finds them all
        return found

    async def records(self, found: Found, until: datetime, told: Told) -> AsyncIterator[Recorded]:
        """Yield what was selected, in order, as far as it was entered before `until`."""
        whole = found.dossiers is None
        stream = found.clock is ClockKind.STREAM
        number = 0
        async for record in self._read(set(TOPICS), told):
            event = _event(record, found)
            if event is None:
                continue
            if event.subject not in BROADCAST:
                if not whole and event.subject not in (found.dossiers or ()):
                    continue
                if not stream and event.known_since >= until:
                    continue
            number += 1
            yield Recorded(number, record.topic, record.partition, event)

    async def _read(self, topics: set[str], told: Told) -> AsyncIterator[ConsumerRecord[Any, Any]]:
        mine = {tp: end for tp, end in self._ends.items() if tp.topic in topics}
        total = sum(mine.values())
        done = 0
        told(0, total)
        async for records in read_merged(self._consumer, {}, mine, TOPICS):
            for record in records:
                yield record
            done += len(records)
            told(done, total)


@asynccontextmanager
async def city_log(kafka: str) -> AsyncIterator[CityLog]:
    """Look at the log: it is read up to where it ends now."""
    offsets = Offsets(kafka)
    try:
        ends = {
            TopicPartition(topic, partition): end
            for topic in TOPICS
            for partition, end in (await offsets.ends(topic)).items()
        }
    finally:
        await offsets.stop()
    consumer = AIOKAFKA.consumer(
        bootstrap_servers=kafka, isolation_level="read_committed", enable_auto_commit=False
    )
    await consumer.start()
    try:
        yield CityLog(consumer, ends)
    finally:
        await consumer.stop()


def _event(record: ConsumerRecord[Any, Any], found: Found) -> Event | None:
    try:
        return decode(record.key, record.value, record.headers)
    except BadRecord as error:
        place = f"{record.topic}/{record.partition}@{record.offset}"
        found.unreadable.append(f"{place}: {error}")
        return None


def _sought(selection: Selection) -> list[str]:
    asked = {"unit": selection.unit, "procedure": selection.procedure, "since": selection.since}
    return [name for name, value in asked.items() if value is not None]


def _matched(selection: Selection, event: Event, *, first: bool) -> Iterator[str]:
    """Yield what of the selection a record of a dossier fulfils."""
    data = event.data
    filing = data.filing if isinstance(data, intake.ReceptionRequested) else data
    if selection.since is not None and first and event.known_since >= selection.since:
        yield "since"
    if selection.procedure is not None and selection.procedure == _of(filing, "procedure"):
        yield "procedure"
    if selection.unit is not None and selection.unit in (
        _of(filing, "receiving_unit"),
        data.handling_unit if isinstance(data, routing.DossierRouted) else None,
        data.to_unit if isinstance(data, routing.DossierHandedOver) else None,
    ):
        yield "unit"


def _of(filing: object, name: str) -> object:
    # Several types of event tell of a filing, and an older system's do.
    return getattr(filing, name, None)
