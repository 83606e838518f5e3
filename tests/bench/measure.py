"""How the benches that need neither broker nor database take their time."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

_LEAST = 0.2
"""Seconds that one measurement takes at least."""


def per_call(call: Callable[[], object]) -> float:
    """The seconds that a call takes, over enough calls to tell.

    Of this process's own processor time: who shares the machine has little part in it.
    """
    gc.collect()
    calls = 0
    start = time.process_time()
    while (used := time.process_time() - start) < _LEAST:
        call()
        calls += 1
    return used / calls


def in_turn(contestants: Sequence[T], number: int) -> list[T]:
    """The contestants in another order each round, so that nobody is always the first."""
    at = number % len(contestants)
    return [*contestants[at:], *contestants[:at]]
