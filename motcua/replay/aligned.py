"""Puts a recording's lanes in step: what is broadcast comes when all lanes have come to it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from motcua.replay.checked_lines import RecordingError
from motcua.replay.expected import is_decided
from motcua.replay.lines import Recorded
from motcua.replay.recording import BROADCAST, Recording


def fed(recording: Recording) -> Iterator[Recorded]:
    """Yield what was asked or came from outside, each tick and enactment once, all in step.

    So it can be written to a log of any number of partitions. Raise RecordingError, also if the
    recording ends while something is broadcast.
    """
    partitions = recording.header.partitions
    yield from _in_step(recording, (r for r in recording.events() if _is_fed(r)), partitions)


def _is_fed(record: Recorded) -> bool:
    return record.event.subject in BROADCAST or not is_decided(record.event)


def _in_step(
    recording: Recording, records: Iterable[Recorded], partitions: int
) -> Iterator[Recorded]:
    waiting: dict[str, list[deque[Recorded]]] = {}
    known: set[tuple[tuple[str, int], str]] = set()
    for record in records:
        lanes = waiting.setdefault(record.topic, [deque() for _ in range(partitions)])
        lane = lanes[record.partition]
        if record.event.subject not in BROADCAST:
            if lane:
                lane.append(record)
            else:
                yield record
            continue
        if (record.lane, record.event.id) in known:
            continue  # who ticks or enacts again after a fault says the same again
        known.add((record.lane, record.event.id))
        lane.append(record)
        while all(lanes):
            yield lanes[0][0]
            for each in lanes:
                each.popleft()
                while each and each[0].event.subject not in BROADCAST:
                    yield each.popleft()
    if left := [lane[0].number for lanes in waiting.values() for lane in lanes if lane]:
        raise RecordingError(
            recording.path,
            min(left) + 1,
            "the recording ends while a tick or an enactment is on some partitions alone",
            "Record the city again when it is at rest",
        )
