"""When the acts of a dossier's life are done, in working seconds of its budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that is done about a dossier."""

    wanted: int
    """How many working seconds are to be used by then."""
    do: Callable[[], None]
    by: int | None = None
    """How many may be used at most; None if it may wait as long as the others."""


def timetable(acts: Sequence[Act], gap: int, latest: int | None) -> list[Act]:
    """The acts in their order, each early enough that those behind it come in time too.

    One act uses no less than `gap` working seconds after the one before. `latest` is what may be
    used when the last one is done; None if that does not matter. An act with a bound of its own
    goes before others if they would take its room. All bounds are kept if `gap` times the number
    of acts is within `latest`, and `gap` within each act's own bound.
    """
    ordered = sorted(acts, key=lambda act: act.wanted)
    for act in [act for act in ordered if act.by is not None]:
        assert act.by is not None
        place = ordered.index(act)
        ordered.insert(min(place, max(0, act.by // gap - 1)), ordered.pop(place))
    bound = latest
    found: list[Act] = []
    for act in reversed(ordered):
        bound = min((b for b in (bound, act.by) if b is not None), default=None)
        if bound is not None:
            act = replace(act, wanted=min(act.wanted, bound))
            bound -= gap
        found.append(act)
    return found[::-1]
