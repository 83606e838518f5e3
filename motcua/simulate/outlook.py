"""Draw how long a dossier takes, measured by the time that it was promised."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from random import Random

from motcua.simulate import odds
from motcua.simulate.arrivals import Weighted
from motcua.simulate.fates import Fate
from services.shared.working_time import WORKING_DAY


@dataclass(frozen=True, slots=True)
class Outlook:
    """What becomes of a dossier if nothing ends it before. Times are in working seconds."""

    fate: Fate
    needed: int
    """The time from reception to the result."""
    added: int
    """The time that a letter adds to what was promised."""
    latest: int | None
    """The most that may be used in all to be in time; None for a late dossier."""


def draw_outlook(rng: Random, total: int, late_share: float) -> Outlook:
    """Draw the outlook of a dossier whose budget is `total` working seconds."""
    fate = _draw_fate(rng, late_share)
    if fate is Fate.ON_TIME:
        share = odds.QUICK_SHARE if rng.random() < odds.QUICK else odds.USUAL_SHARE
        needed = int(total * rng.uniform(*share))
        return Outlook(fate, needed, added=0, latest=int(odds.LATEST_SHARE * total))
    needed = int(total * rng.uniform(*odds.LATE_SHARE))
    # The days still needed, as it looks when the letter is written.
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
