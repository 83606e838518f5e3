"""Draws how long a dossier takes, measured by what it was promised."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from random import Random

from motcua.simulate import odds
from motcua.simulate.arrivals import Weighted
from motcua.simulate.fates import Fate
from services.sla.working_time import WORKING_DAY


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to become of a dossier if nothing ends it before. All in working seconds."""

    fate: Fate
    needed: int
    """What it takes from reception to the result."""
    added: int
    """What a letter adds to the time that was promised."""
    latest: int | None
    """What may be used when all is done, so that it is in time; None for a late one."""


def draw_outlook(rng: Random, total: int, late_share: float) -> Outlook:
    """The outlook of a dossier that was promised its result in so many working seconds."""
    fate = _draw_fate(rng, late_share)
    if fate is Fate.ON_TIME:
        share = odds.QUICK_SHARE if rng.random() < odds.QUICK else odds.USUAL_SHARE
        needed = int(total * rng.uniform(*share))
        return Outlook(fate, needed, added=0, latest=int(odds.LATEST_SHARE * total))
    needed = int(total * rng.uniform(*odds.LATE_SHARE))
    # So many days more will do, as it looks when the letter is written.
    added = ceil((needed - total) / WORKING_DAY) * WORKING_DAY
    if fate is Fate.EXTENDED:
        return Outlook(fate, needed, added, latest=total + int(odds.LATEST_SHARE * added))
    if fate is Fate.EXTENDED_IN_VAIN:
        needed = int((total + added) * rng.uniform(*odds.LATE_SHARE))
    return Outlook(fate, needed, added, latest=None)


def _draw_fate(rng: Random, late_share: float) -> Fate:
    drawn = rng.random()
    if drawn < late_share:
        return Weighted(odds.LATE_FATES).draw(rng)
    if drawn < late_share * (1 + odds.EXTENDED_FOR_EACH_LATE):
        return Fate.EXTENDED
    return Fate.ON_TIME
