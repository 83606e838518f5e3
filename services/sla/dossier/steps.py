"""The spans of a dossier's steps, from starts and completions in whatever order they arrive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from services.sla.dossier.state import StepSpan


class StepTold(NamedTuple):
    """A fact about a step. In this order: at the same instant, an end comes before a start."""

    at: datetime
    begins: bool
    ordinal: int
    step: str
    key: str
    """The beginning of the id of an import's fact; empty for what the city decided."""


def with_step(steps: tuple[StepSpan, ...], one: StepTold) -> tuple[StepSpan, ...]:
    """Return the spans with one more start or completion, as if all facts had come in order."""
    newest = one.at, one.begins
    for span in steps:
        if _last(span) >= newest:
            return _spans({*_told(steps), one})
    spans = list(steps)
    _tell(spans, one)
    return tuple(spans)


def without_steps(steps: tuple[StepSpan, ...], keys: frozenset[str]) -> tuple[StepSpan, ...]:
    """Return the spans that the other facts make."""
    return _spans(told for told in _told(steps) if told.key not in keys)


def _last(span: StepSpan) -> tuple[datetime, bool]:
    """Return the time of the last fact of a step, and whether that is its start."""
    begun, done = span.started_at, span.completed_at
    return (begun, True) if done is None or done <= begun else (done, False)


def _spans(all_told: Iterable[StepTold]) -> tuple[StepSpan, ...]:
    spans: list[StepSpan] = []
    for told in sorted(all_told):
        _tell(spans, told)
    return tuple(spans)


def _told(steps: tuple[StepSpan, ...]) -> Iterator[StepTold]:
    for span in steps:
        if span.begun:
            yield StepTold(span.started_at, True, span.ordinal, span.step, span.start)
        if span.completed_at is not None:
            yield StepTold(span.completed_at, False, span.ordinal, span.step, span.end)


def _tell(spans: list[StepSpan], told: StepTold) -> None:
    """End the newest open start of the step, or a start at the same instant, by a completion."""
    at, begins, ordinal, step, key = told
    for index in reversed(range(len(spans))):
        known = spans[index]
        if (known.ordinal, known.step) != (ordinal, step):
            continue
        if begins and not known.begun and known.started_at == at:
            spans[index] = StepSpan(at, ordinal, step, at, True, key, known.end)
            return
        if not begins and known.completed_at is None:
            spans[index] = StepSpan(known.started_at, ordinal, step, at, True, known.start, key)
            return
    if begins:
        spans.append(StepSpan(at, ordinal, step, start=key))
    else:
        spans.append(StepSpan(at, ordinal, step, at, False, end=key))
