"""The entries of a dossier's ledger besides its segments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contracts.events.sla import AlertKind, RetractionCause


@dataclass(frozen=True, slots=True)
class DueChange:
    """What is due from a moment on, until the next change."""

    since: datetime
    due: datetime | None
    """None while the clock was stopped."""


@dataclass(frozen=True, slots=True)
class Overdue:
    """How long the dossier has been overdue, or was when it ended."""

    since: datetime
    working_seconds: int
    calendar_days: int


@dataclass(frozen=True, slots=True)
class IssuedLetter:
    """A letter of apology."""

    at: datetime
    form: str
    previous: datetime
    """The due time before the letter, by what was known then."""
    due: datetime | None
    """The letter's new date; None if it gives none."""
    in_time: bool
    moved: bool
    """Whether it moved the due time."""
    added_seconds: int


@dataclass(frozen=True, slots=True)
class ForeseenDelay:
    """Who leads the dossier, or heads its unit, said that its date will be missed."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class GrantedExemption:
    """Why no letter is owed."""

    at: datetime
    ground: str
    reason: str


@dataclass(frozen=True, slots=True)
class Announced:
    """A due time that was announced."""

    at: datetime
    due: datetime


@dataclass(frozen=True, slots=True)
class RaisedAlert:
    """An alert that was announced."""

    kind: AlertKind
    about: str
    at: datetime
    due: datetime
    retracted: bool
    cause: RetractionCause | None
    """For a retracted alert: why it is wrong, by what is known now; None if it holds again."""


@dataclass(frozen=True, slots=True)
class FollowingAlert:
    """An alert that follows from the rules, whether its time has come or not."""

    kind: AlertKind
    about: str
    at: datetime
    due: datetime
    certain: bool
    """Whether nothing that is still to happen can avert it."""
