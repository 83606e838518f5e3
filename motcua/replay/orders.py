"""Holds what comes of a recording in one order against what comes of it in another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from contracts.events.notify import MessagePlanned
from motcua.replay.order import CALM, Order
from motcua.replay.recording import Recording
from motcua.replay.replayed import Replayed, replay
from motcua.replay.shard import is_morning
from services.runtime import ClockKind

FAILING = "failing.jsonl.gz"
TEST = "test_failing.py"
_TEXT = '''"""In this order something else comes of what was asked than if all is heard at once."""

from pathlib import Path

from motcua.replay import Order, read
from motcua.replay.orders import unlike


def test_failing() -> None:
    recording = read(Path(__file__).with_name("{recording}"))
    assert unlike(recording, {order!r}) is None
'''
_NAMED = 3


@dataclass(frozen=True)
class Unlike:
    """Something else comes of a recording in some order."""

    order: Order
    subjects: tuple[str, ...]
    """The dossiers and mornings of which something else comes."""
    error: str = ""
    """What a service raised; then nothing is known of the rest."""

    def __str__(self) -> str:
        rest = len(self.subjects) - _NAMED
        named = ", ".join(self.subjects[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
        return f"{self.order}: {self.error or f'something else comes of {named}'}"


def at_once(recording: Recording) -> Replayed:
    """Replay a recording so that every service hears everything at once."""
    return replay(recording, guided=False, keep=True)


def unlike(recording: Recording, order: Order, than: Replayed | None = None) -> Unlike | None:
    """Return what differs in that order; None if dossiers' states, and what stands of alerts and
    messages, are the same.

    `than`: what `at_once` returns; replayed if not given. Of units' mornings only what is told
    counts: an alert that is cleared before may have come to the desk or not. And that follows from
    when mornings are ticked: it is left out where ticks come late, and of a city by the wall clock.
    """
    before = than or at_once(recording)
    try:
        after = replay(recording, order=order, keep=True)
    except Exception as error:  # noqa: BLE001  (whatever a service raises is what is sought)
        return Unlike(order, (), f"{type(error).__name__}: {error}")
    dossiers_alone = order.late > 0 or recording.header.clock is ClockKind.WALL
    found = tuple(
        subject
        for subject in sorted(set(_differing(before, after)))
        if not (dossiers_alone and is_morning(subject))
    )
    return Unlike(order, found) if found else None


def narrowed(recording: Recording, found: Unlike) -> tuple[Recording, Unlike]:
    """Return the least of a recording of which something else comes, and the calmest order: one
    dossier alone, if it is that."""
    for subject in found.subjects[:_NAMED]:
        alone = recording.only(subject)
        if not is_morning(subject) and (less := unlike(alone, found.order)) is not None:
            recording, found = alone, less
            break
    than = at_once(recording)
    for field in fields(Order):
        calmer = replace(found.order, **{field.name: getattr(CALM, field.name)})
        if calmer != found.order and (less := unlike(recording, calmer, than)) is not None:
            found = less
    return recording, found


def leave(folder: Path, recording: Recording, found: Unlike) -> Path:
    """Write the recording and a test that fails into a folder; return the test."""
    folder.mkdir(parents=True, exist_ok=True)
    recording.write(folder / FAILING, at_once(recording).hash)
    test = folder / TEST
    test.write_text(_TEXT.format(recording=FAILING, order=found.order), encoding="utf-8")
    return test


def _told_in_the_morning(done: Replayed) -> set[tuple[str, str]]:
    """Return the mornings' messages; an id follows from what is told, and to whom."""
    return {
        (record.event.subject, record.event.data.message_id)
        for record in done.log
        if isinstance(record.event.data, MessagePlanned) and is_morning(record.event.subject)
    }


def _differing(before: Replayed, after: Replayed) -> Iterator[str]:
    for key in before.hashes.keys() | after.hashes.keys():
        if not is_morning(key[1]) and before.hashes.get(key) != after.hashes.get(key):
            yield key[1]
    for subject, _ in _told_in_the_morning(before) ^ _told_in_the_morning(after):
        yield subject
    one: Any
    for one in before.alerts() ^ after.alerts():
        yield one.dossier
    for one in set(before.messages()) ^ set(after.messages()):
        yield one.dossier
