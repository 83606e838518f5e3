"""Batches of the purse: how they are run, and what came of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from services.runtime.core.dead_letter import DeadLetter, read_dead_letter
from services.runtime.core.decided import Decided

NOW = datetime(2030, 1, 1, tzinfo=UTC)
Run = Callable[..., Decided[Any]]


def letters_of(decided: Decided[Any], log: Any) -> list[DeadLetter | str]:
    """The letters of a batch, read back from their topic."""
    return [read_dead_letter("purse", log.put(record)) for record in decided.dead_letters]


def outcomes(decided: Decided[Any]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for (_, outcome), count in decided.outcomes.items():
        found[outcome] += count
    return dict(found)
