"""The records of a dossier's steps, from starts and completions in whatever order they arrive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

import msgspec

from services.routing.state import StepRecord


class StepTold(NamedTuple):
    """A fact about a step. In this order: at the same instant, an end comes before a start."""

    at: datetime
    begins: bool
    ordinal: int
    step: str
    unit: str
    officer: str
    key: str
    """The beginning of the id of an import's fact; empty for what the city decided."""


def with_step(steps: tuple[StepRecord, ...], one: StepTold) -> tuple[StepRecord, ...]:
    """Return the records with one more start or completion, as if all had come in order."""
    if all(_last(s) < (one.at, one.begins) for s in steps):
        records = list(steps)
        _tell(records, one)
        return tuple(records)
    return _records([*_told(steps), one])


def without_steps(steps: tuple[StepRecord, ...], keys: frozenset[str]) -> tuple[StepRecord, ...]:
    """Return the records that the other facts make."""
    return _records(told for told in _told(steps) if told.key not in keys)


def _last(step: StepRecord) -> tuple[datetime, bool]:
    """Return the time of the last fact of a step, and whether that is its start."""
    begun = step.started_at, True
    return begun if step.completed_at is None else max(begun, (step.completed_at, False))


def _records(all_told: Iterable[StepTold]) -> tuple[StepRecord, ...]:
    records: list[StepRecord] = []
    for told in sorted(all_told):
        _tell(records, told)
    return tuple(sorted(records, key=lambda s: (s.started_at, s.ordinal)))


def _told(steps: tuple[StepRecord, ...]) -> Iterator[StepTold]:
    for s in steps:
        if not s.end_alone:
            yield StepTold(s.started_at, True, s.ordinal, s.step, s.unit, s.lead, s.begun)
        if s.completed_at is not None:
            by = s.completed_by or ""
            yield StepTold(s.completed_at, False, s.ordinal, s.step, s.unit, by, s.done)


def _tell(records: list[StepRecord], told: StepTold) -> None:
    """End the newest open start of the step, or a start at the same instant, by a completion."""
    replace = msgspec.structs.replace
    at, begins, ordinal, step, unit, officer, key = told
    for index in reversed(range(len(records))):
        known = records[index]
        if known.ordinal != ordinal:
            continue
        if begins and known.end_alone and known.started_at == at:
            records[index] = replace(known, unit=unit, lead=officer, begun=key)
            return
        if not begins and known.completed_at is None:
            records[index] = replace(known, completed_at=at, completed_by=officer, done=key)
            return
    started = StepRecord(ordinal, step, at, unit, officer)
    if begins:
        records.append(replace(started, begun=key))
    else:
        # An older system may tell of a step's end without its start.
        records.append(replace(started, completed_at=at, completed_by=officer, done=key))
