"""What can become of the date that a dossier was promised."""

from __future__ import annotations

from enum import StrEnum


class Fate(StrEnum):
    """Whether the promised date is kept and, if not, what its citizen is told."""

    ON_TIME = "on-time"
    """The date is kept, or the dossier ends before it."""
    EXTENDED = "extended"
    """A letter in time gives a second date, and that one is kept."""
    EXTENDED_IN_VAIN = "extended-in-vain"
    """A letter in time gives a second date, and that one is missed too."""
    TOLD_TOO_LATE = "told-too-late"
    """The letter comes only after the date has passed."""
    TOLD_AFTERWARDS = "told-afterwards"
    """The result comes too late, and the letter only after it."""
    EXEMPT = "exempt"
    """The date is missed, and the head of the unit states why no letter is owed."""
    UNTOLD = "untold"
    """The date is missed, and nobody tells the citizen why."""

    @property
    def late(self) -> bool:
        """Whether a due time is missed: the first one, or the second if a letter gave one."""
        return self not in (Fate.ON_TIME, Fate.EXTENDED)
