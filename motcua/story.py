"""One dossier's story, from the log: what was asked, what was decided, in order."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiokafka import AIOKafkaConsumer, TopicPartition
from rich.table import Table
from rich.text import Text

from contracts.events import sla
from contracts.model import Kind
from contracts.wire.codec import BadRecord, decode
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS, NOTIFICATION_EVENTS
from services.runtime.kafka.offsets import Offsets
from services.runtime.kafka.producer import partition_of

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


async def read_story(bootstrap: str, code: str) -> list[Event]:
    """Every event of the dossier, each once, in event-time order, then in the log's."""
    events: dict[str, Event] = {}
    for topic in (DOSSIER_EVENTS, NOTIFICATION_EVENTS):
        offsets = Offsets(bootstrap)
        partitions = await offsets.partitions(topic)
        await offsets.stop()
        consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
        await consumer.start()
        try:
            # All of a dossier is in one partition: only that one is read.
            mine = TopicPartition(topic, partition_of(code.encode(), tuple(partitions)))
            consumer.assign([mine])
            await consumer.seek_to_beginning(mine)
            end = (await consumer.end_offsets([mine]))[mine]
            while await consumer.position(mine) < end:
                for records in (await consumer.getmany(timeout_ms=1000)).values():
                    for record in records:
                        if record.key == code.encode():
                            _keep(record, events)
        finally:
            await consumer.stop()
    return sorted(events.values(), key=lambda event: event.time)


def _keep(record: Any, events: dict[str, Event]) -> None:
    try:
        event = decode(record.key, record.value, record.headers)
    except BadRecord:
        return  # a bad record is in the dead letters, and no part of the story
    events.setdefault(event.id, event)


def story_table(code: str, events: list[Event]) -> Table:
    """The story as a table: requests dimmed, facts plain, alerts red."""
    table = Table(title=Text(f"{code}: from start to end"), title_justify="left")
    for column in ("when (Vietnam)", "who says so", "what"):
        table.add_column(column, no_wrap=True)
    table.add_column("")
    for event in events:
        style = "dim" if event.data.KIND is Kind.REQUEST else ""
        if isinstance(event.data, (*sla.ALERTS, sla.AlertRetracted)):
            style = "red"
        table.add_row(
            event.time.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M"),
            Text(event.source.removeprefix("/motcua/")),
            event.data.NAME,
            Text(_summary(event)),
            style=style,
        )
    return table


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")
    return str(value)


def _summary(event: Event) -> str:
    fields = {name: _shown(value) for name, value in event.data if value is not None}
    wanted = (
        "procedure", "receiving_unit", "handling_unit", "unit", "to_unit", "step", "lead", "reason",
        "question", "answer", "amount", "outstanding", "due", "outcome", "template", "channel",
        "detail",
    )  # fmt: skip
    return ", ".join(f"{name} {fields[name]}" for name in wanted if name in fields)
