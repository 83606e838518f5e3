"""``motcua story CODE``: one dossier's story from the log, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Annotated, Any

import typer
from aiokafka import TopicPartition
from rich.console import Console

from contracts.wire.codec import BadRecord, decode
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS, NOTIFICATION_EVENTS
from motcua.story_page import story_page
from services.runtime import AIOKAFKA, Offsets, Settings, partition_of

console = Console()


def story(
    code: Annotated[str, typer.Argument(help="The dossier's code, e.g. H29.15-240307-0001.")],
    kafka: Annotated[str | None, typer.Option(help="Bootstrap servers; else MOTCUA_KAFKA.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Show every request and every message, with its detail.")
    ] = False,
) -> None:
    """Tell one dossier's story from the log: what was decided and what was told, day by day.

    Without `--all`, the messages of a day are one line, and a request that was answered is left to
    its answer.

    Example: `motcua story H29.15-240307-0001 --all`
    """
    events = asyncio.run(read_stories(kafka or Settings().kafka, [code]))[code]
    if not events:
        console.print(f"nothing on the log is about {code}", markup=False)
        raise typer.Exit(1)
    console.print(story_page(code, events, everything=everything))


async def read_stories(bootstrap: str, codes: Collection[str]) -> dict[str, list[Event]]:
    """Read each dossier's events, once each, in event-time order, then in the log's."""
    found: dict[str, dict[str, Event]] = {code: {} for code in codes}
    keys = {code.encode(): code for code in codes}
    for topic in (DOSSIER_EVENTS, NOTIFICATION_EVENTS):
        offsets = Offsets(bootstrap)
        partitions = tuple(await offsets.partitions(topic))
        await offsets.stop()
        consumer = AIOKAFKA.consumer(bootstrap_servers=bootstrap)
        await consumer.start()
        try:
            # All of a dossier is in one partition: only those are read.
            mine = sorted({TopicPartition(topic, partition_of(key, partitions)) for key in keys})
            consumer.assign(mine)
            await consumer.seek_to_beginning(*mine)
            ends = await consumer.end_offsets(mine)
            while any([await consumer.position(at) < ends[at] for at in mine]):
                for records in (await consumer.getmany(timeout_ms=1000)).values():
                    for record in records:
                        if record.key in keys:
                            _keep(record, found[keys[record.key]])
        finally:
            await consumer.stop()
    return {
        code: sorted(events.values(), key=lambda event: event.time)
        for code, events in found.items()
    }


def _keep(record: Any, events: dict[str, Event]) -> None:
    try:
        event = decode(record.key, record.value, record.headers)
    except BadRecord:
        return  # a bad record is in the dead letters, and no part of the story
    events.setdefault(event.id, event)
