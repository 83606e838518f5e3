"""The ledger of a dossier's time as it is shown, with its explanation in sentences."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date as Date
from datetime import datetime
from typing import Any, Literal

from typing_extensions import TypedDict

from services.runtime import described
from services.shared.lifecycle import PublicStatus
from services.shared.working_time import DayKind
from services.sla.clock.ledger_entries import (
    Announced,
    DueChange,
    FollowingAlert,
    ForeseenDelay,
    GrantedExemption,
    IssuedLetter,
    Overdue,
    RaisedAlert,
)
from services.sla.clock.segments import Account, Segment, Total
from services.sla.clock.side_clocks import ConsultationTime, StepTime
from services.sla.dossier.state import LetterStanding
from services.sla.explain.explanation import Explanation


@described
class DayView(TypedDict):
    """A day on which the clock ran, or will run."""

    date: Date
    kind: DayKind
    working_seconds: int
    """The office hours on this day that count, in seconds."""
    name_vi: str
    """The name of the holiday or make-up day; empty for other days."""
    name_en: str


@described
class ClockView(TypedDict):
    """All of a dossier's time up to a moment. Times are UTC; seconds are working seconds unless
    they are called elapsed."""

    code: str
    at: datetime
    """The moment asked about."""
    known_at: datetime | None
    """Only what had been entered by then is told; null for all that is known."""
    status: PublicStatus
    status_name: str
    """The name of the status in lower case, e.g. ``in_process``."""
    clock: Literal["running", "stopped", "ended"]
    procedure: str
    workflow: str | None
    """Workflow and version, e.g. ``standard/2``; null if not known."""
    receiving_unit: str
    unit: str
    """The unit that has the dossier, or had it when it ended."""
    received_at: datetime
    ended_at: datetime | None
    ended: str | None
    """How it ended, e.g. ``processed``; null while it is open."""
    segments: tuple[Segment, ...]
    """They follow one another without a gap, from reception on."""
    elapsed_seconds: int
    by_account: dict[Account, Total]
    by_unit: dict[str, Total]
    budget_seconds: int
    """What the procedure allows, plus what letters have added."""
    extended_seconds: int
    """What letters have added."""
    used_seconds: int
    left_seconds: int
    """Negative once more than the budget is used."""
    original_due: datetime
    due: datetime | None
    """Null while the clock is stopped."""
    forecast: bool
    """Whether the dossier is open and due in a year whose days off are not decided yet, so that
    the due time may still move."""
    dues: tuple[DueChange, ...]
    """Every change of the due time, in time order."""
    overdue: Overdue | None
    letter_by: datetime | None
    """The last moment for a letter of apology to be in time; null while the clock is stopped, if
    it had not come before."""
    letters: tuple[IssuedLetter, ...]
    letter: LetterStanding | None
    """What became of the letter that is owed: it came in time, or late, or is missing. Null if
    there is none and none is owed."""
    foreseen: ForeseenDelay | None
    """When and why the lead or the head said that the date will be missed."""
    exemption: GrantedExemption | None
    supplements: int
    """The number of times a supplement was demanded."""
    repeated_at: datetime | None
    """When a supplement was demanded once more than allowed."""
    steps: tuple[StepTime, ...]
    consultations: tuple[ConsultationTime, ...]
    alerts: tuple[RaisedAlert, ...]
    moments: tuple[FollowingAlert, ...]
    """Warnings, last calls, letters owed, breaches: past and future."""
    announced: tuple[Announced, ...]
    days: tuple[DayView, ...]
    """The days on which the clock ran, or will run until the due time."""
    rule: str | None
    """The version of the rules that judged the dossier last."""
    rule_applied: str
    """The version in force, by which this was computed."""
    headline: str
    """When it is due, in a sentence of the language asked for."""
    explanation: tuple[str, ...]
    """Why, in sentences of that language."""


def view(told: Explanation, known_at: datetime | None = None) -> dict[str, Any]:
    """Return a `ClockView`."""
    shown = told.shown
    return {
        "code": told.code,
        **asdict(shown),
        "known_at": known_at,
        "status_name": shown.status.word,
        "ended": shown.ended.word if shown.ended is not None else None,
        "unit": shown.unit,
        "clock": "ended" if shown.ended_at else "stopped" if shown.stands else "running",
        "headline": told.headline,
        "explanation": list(told.sentences),
    }
