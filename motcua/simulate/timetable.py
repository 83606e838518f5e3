"""When the acts of a dossier's life are done, in working seconds of its budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that is done about a dossier."""

    wanted: int
    """The working seconds that should be used by then."""
    do: Callable[[], None]
    by: int | None = None
    """The most working seconds that may be used; None if it may wait as long as the others."""


def timetable(acts: Sequence[Act], gap: int, latest: int | None) -> list[Act]:
    """Return the acts in their order, each early enough for those behind it to be in time too.

    Each act comes at least `gap` working seconds after the one before. `latest` is the most that
    may be used when the last one is done; None: no limit. An act with a bound of its own goes
    before others that would take its room. All bounds are kept if `gap` times the number of acts is
    within `latest`, and `gap` within each act's own bound.
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
