"""What a corrected import takes back, out of what a service has folded.

A state keeps the beginning of the id of each fact that an import told, with what came of it. What
holds one value only (a filing, an outcome) follows from the facts that are told anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

import msgspec

from contracts.events.intake import HistoryCorrected
from contracts.wire.envelope import Event
from services.shared.lifecycle import Move, Tracked, phases, span_of

KEY = 13
"""The length of the beginning of an id, see `contracts.events.intake.FactKey`."""


def told_key(fact: Event) -> str:
    """Return by what a fact of an import is known; empty for what the city decided itself."""
    return fact.id[:KEY] if fact.history else ""


def is_replaced(state: Tracked, fact: Event) -> bool:
    """Return whether a correction that came before the fact has taken it back."""
    return bool(state.replaced) and fact.id[:KEY] in state.replaced


T = TypeVar("T", bound=Tracked)


def taken_back(state: T, data: HistoryCorrected) -> tuple[T, frozenset[str], frozenset[Move]]:
    """Return the state without the marks of the replaced facts, their ids' beginnings, and the
    moves that no fact makes any more."""
    keys = frozenset(data.replaced)
    marks = tuple(mark for mark in state.marks if mark.id not in keys)
    without = msgspec.structs.replace(
        state,
        marks=marks,
        span=span_of(phases(marks)),
        replaced=tuple(sorted({*state.replaced, *keys})),
    )
    moves = frozenset(mark.move for mark in state.marks)
    return without, keys, moves - {mark.move for mark in marks}


class _Known(Protocol):
    @property
    def id(self) -> str: ...


K = TypeVar("K", bound=_Known)


def kept(items: Iterable[K], keys: frozenset[str]) -> tuple[K, ...]:
    """Return the items that come from other facts."""
    return tuple(item for item in items if item.id[:KEY] not in keys)
