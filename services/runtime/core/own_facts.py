"""Which facts nobody but one decider says: it must know each of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from contracts.model import Kind, registered
from contracts.wire.codec import types
from contracts.wire.mac import BY_COMMAND, IMPORTED
from services.runtime.core.decider import Decider

_NONE: frozenset[str] = frozenset()


def decided_by(decider: Decider[Any]) -> frozenset[str]:
    """Return the types that nobody but this decider says about its subjects.

    They stand on the topic that it folds, or go to another one and never stand there. A decider
    without requests folds what others of its service say.
    """
    return _facts_of(decider.name) & decider.facts if decider.requests else _NONE


@lru_cache(maxsize=64)
def _facts_of(name: str) -> frozenset[str]:
    own = (c for c in registered().values() if (name, Kind.FACT) == (c.OWNER, c.KIND))
    return types(*own) - BY_COMMAND


def is_imported(headers: Mapping[str, bytes]) -> bool:
    """Return whether an import tells it, as history: then its owner did not decide it."""
    source = headers.get("ce_source") or b""
    return "ce_history" in headers and source.startswith(IMPORTED)
