"""Delta debugging: of many things with which something fails, a few with which it still does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")
Fails = Callable[[Sequence[T]], bool]


class NotFailing(Exception):
    """It does not fail with all of them either: there is nothing to look for."""


def minimal(items: Sequence[T], fails: Fails[T]) -> list[T]:
    """Return some of the items, in their order, with which it fails, and with none of them less.
    Whether it fails with nothing is not tried.

    Mostly one of them does it alone. So it is halved first, and what the first half does not show
    is believed of the second; that costs as much as one trial of all. Only if the one that is left
    does not fail, pieces and complements are tried as Zeller and Hildebrandt have it ("Simplifying
    and isolating failure-inducing input", 2002). Raise NotFailing.
    """
    failing: list[T] | None = None
    left = list(items)
    while len(left) > 1:
        first, second = _halves(left)
        if fails(first):
            failing = left = first
        else:
            left = second
    if left == failing or (left and fails(left)):
        return left
    if failing is None:
        failing = list(items)
        if not fails(failing):
            raise NotFailing
    return _reduced(failing, fails)


def _reduced(failing: list[T], fails: Fails[T]) -> list[T]:
    pieces = 2
    while len(failing) > 1:
        parts = _parts(failing, pieces)
        # Two pieces are each other's complement.
        tried = parts if pieces == 2 else [*parts, *_complements(parts)]
        found = next((one for one in tried if fails(one)), None)
        if found is not None:
            pieces = 2 if len(found) <= len(parts[0]) else max(pieces - 1, 2)
            failing = found
        elif pieces < len(failing):
            pieces = min(2 * pieces, len(failing))
        else:
            return failing
    return failing


def _halves(items: list[T]) -> tuple[list[T], list[T]]:
    middle = (len(items) + 1) // 2
    return items[:middle], items[middle:]


def _parts(items: list[T], pieces: int) -> list[list[T]]:
    bounds = [len(items) * n // pieces for n in range(pieces + 1)]
    return [items[a:b] for a, b in pairwise(bounds)]


def _complements(parts: list[list[T]]) -> list[list[T]]:
    return [[one for part in parts if part is not out for one in part] for out in parts]
