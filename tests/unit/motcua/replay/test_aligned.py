"""What is fed to a log of other partitions: each broadcast once, at its place in every lane."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path

import pytest
from msgspec.structs import replace

from contracts.events.clock import ClockTicked
from contracts.wire.topics import DOSSIER_EVENTS
from motcua.replay import Recording, read
from motcua.replay.aligned import fed
from motcua.replay.checked_lines import RecordingError
from motcua.replay.expected import is_decided
from motcua.replay.lines import Recorded
from motcua.replay.recording import BROADCAST, Writer
from services.runtime import partition_of

LANES = (0, 1, 2)


def lanes(day: Recording) -> list[list[Recorded]]:
    """The day as it stands on each of three partitions."""
    found: list[list[Recorded]] = [[] for _ in LANES]
    for record in day.events():
        broadcast = record.event.subject in BROADCAST
        on = LANES if broadcast else [partition_of(record.event.subject.encode(), LANES)]
        for lane in on:
            found[lane].append(record._replace(partition=lane))
    return found


def written(day: Recording, path: Path, records: Iterable[Recorded]) -> Recording:
    with Writer(path, replace(day.header, partitions=len(LANES))) as writer:
        for record in records:
            writer.write(record)
        writer.end("")
    return read(path)


def until_each_tick(records: Iterable[Recorded]) -> list[tuple[str, set[str]]]:
    """Each tick, and what was asked since the one before."""
    found: list[tuple[str, set[str]]] = []
    since: set[str] = set()
    for record in records:
        if isinstance(record.event.data, ClockTicked):
            found.append((f"{record.topic} {record.event.id}", since))
            since = set()
        elif not is_decided(record.event):
            since.add(record.event.id)
    return found


def by_subject(records: Iterable[Recorded]) -> dict[str, list[str]]:
    """What was asked about each dossier, in its order."""
    found: dict[str, list[str]] = {}
    for record in records:
        if record.event.subject not in BROADCAST:
            found.setdefault(record.event.subject, []).append(record.event.id)
    return found


def test_each_lane_waits_for_the_others_at_a_tick(day: Recording, tmp_path: Path) -> None:
    one_by_one = [r for some in zip_longest(*lanes(day)) for r in some if r is not None]
    other = written(day, tmp_path / "three.jsonl.gz", one_by_one)
    asked = until_each_tick(r for r in day.events() if r.topic == DOSSIER_EVENTS)
    mine = [r for r in fed(other) if r.topic == DOSSIER_EVENTS]
    assert until_each_tick(mine) == asked
    assert sum(len(since) for _, since in asked) > 20
    assert by_subject(mine) == by_subject(r for r in day.events() if not is_decided(r.event))


def test_a_tick_that_is_on_some_partitions_alone_is_told_of(day: Recording, tmp_path: Path) -> None:
    whole, *others = lanes(day)
    cut = [r for lane in others for r in lane[:-4]]
    with pytest.raises(RecordingError, match=r"line \d+: .* some partitions alone"):
        list(fed(written(day, tmp_path / "cut.jsonl.gz", [*whole, *cut])))
