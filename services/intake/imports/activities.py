"""Sets of activities, and where in a trace they occur."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from fnmatch import translate as glob_to_regex

_REMEMBERED = 10_000


class Activities:
    """The activities that match one of some globs. Compared by identity."""

    def __init__(self, globs: Iterable[str]) -> None:
        self._regex = re.compile("|".join(map(glob_to_regex, globs)))
        self._known: dict[str, bool] = {}

    def __contains__(self, activity: str) -> bool:
        known = self._known.get(activity)
        if known is None:
            known = self._regex.match(activity) is not None
            if len(self._known) < _REMEMBERED:
                self._known[activity] = known
        return known


class ActivitySequence:
    """The activities of one trace in time order, with fast answers about their order."""

    def __init__(self, activities: Sequence[str]) -> None:
        self.activities = activities
        self._places: dict[Activities, list[int]] = {}

    def places(self, wanted: Activities) -> list[int]:
        """Return the places where the wanted activities occur, in order."""
        places = self._places.get(wanted)
        if places is None:
            places = [i for i, activity in enumerate(self.activities) if activity in wanted]
            self._places[wanted] = places
        return places

    def some_before(self, wanted: Activities, place: int) -> bool:
        """Return whether a wanted activity occurs before the place."""
        places = self.places(wanted)
        return bool(places) and places[0] < place

    def some_after(self, wanted: Activities, place: int) -> bool:
        """Return whether a wanted activity occurs after the place."""
        places = self.places(wanted)
        return bool(places) and places[-1] > place

    def nearest_before(self, wanted: Activities, place: int) -> str | None:
        """Return the last wanted activity before the place, or None."""
        places = self.places(wanted)
        index = bisect_left(places, place)
        return self.activities[places[index - 1]] if index else None

    def all_after(self, wanted: Activities, place: int) -> Iterable[str]:
        """Yield the wanted activities after the place, the nearest first."""
        places = self.places(wanted)
        for index in range(bisect_right(places, place), len(places)):
            yield self.activities[places[index]]
