"""A dossier as sla shows it: what is due when, and what was announced."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NotRequired

from typing_extensions import TypedDict

from services.runtime import Answered, described
from services.shared.lifecycle import PublicStatus
from services.sla.dossier.state import LetterStanding, Sla, Unjudged


@described
class LetterView(TypedDict):
    """A letter of apology."""

    at: datetime
    due: datetime | None
    """The letter's new date; null if it gives none."""
    in_time: bool
    form: str


@described
class ForesightView(TypedDict):
    """The lead or the head said that the date will be missed."""

    at: datetime
    reason: str


@described
class ExemptionView(TypedDict):
    """Why no letter of apology is owed."""

    ground: str
    reason: str


@described
class DeadlineView(TypedDict):
    """A due time that was announced."""

    announced_at: datetime
    due: datetime


@described
class AlertView(TypedDict):
    """An alert that was announced."""

    kind: str
    """The name of the fact, e.g. ``DossierOverdue``."""
    about: str
    """Tells alerts of one kind apart: a warning share, a step's ordinal, or a consulted unit."""
    at: datetime
    due: datetime
    retracted: bool
    """It proved wrong, and everyone who was told of it was told that too."""


@described
class DossierView(TypedDict):
    """A dossier as sla sees it. Times are UTC, and every list is in time order."""

    code: str
    status: PublicStatus | None
    status_name: str | None
    """The name of the status in lower case, e.g. ``in_process``."""
    unit: str | None
    """The unit that has the dossier."""
    received_at: datetime | None
    ended_at: datetime | None
    original_due: datetime | None
    due: datetime | None
    """Null while the clock is stopped."""
    clock: Literal["running", "stopped"]
    budget_seconds: int | None
    """Working seconds that the procedure allows, plus what letters have added."""
    used_seconds: int | None
    """Working seconds used in the running spans that have ended."""
    rule: str | None
    """The version of the rules that judged it last."""
    letter_by: datetime | None
    """The last moment for a letter of apology to be in time; null while the clock is stopped, if
    it had not come before."""
    foreseen: ForesightView | None
    letters: list[LetterView]
    letter_missing: bool
    """It is late, and a letter is owed that has not been issued."""
    letter: LetterStanding | None
    """What became of the letter that is owed, by the alerts announced so far: it came in time, or
    late, or is missing. Null if there is none and none is owed."""
    exemption: ExemptionView | None
    late: bool
    unjudged: Unjudged | None
    """Why nothing can be said of its time, in time or late: nobody knows what was promised, or the
    calendars lack its years. Null for a dossier that is judged."""
    deadlines: list[DeadlineView]
    alerts: list[AlertView]


@described
class ChangedDossier(Answered):
    """A request was carried out, and this is the dossier now."""

    dossier: NotRequired[DossierView | None]
    """Missing if the database could not be read just now."""


def view(code: str, state: Sla) -> DossierView:
    """Return sla's own view of a dossier. Times are UTC; budgets are working seconds."""
    now = state.assessment
    status = state.status
    return {
        "code": code,
        "status": status,
        "status_name": None if status is None else status.word,
        "unit": state.unit,
        "received_at": state.span.received_at,
        "ended_at": state.span.ended_at,
        "original_due": now.original_due if now else None,
        "due": now.due if now else None,
        "clock": "running" if now and now.running else "stopped",
        "budget_seconds": now.budget if now else None,
        "used_seconds": now.used if now else None,
        "rule": state.rule,
        "letter_by": now.letter_by if now else None,
        "foreseen": (
            {"at": state.foresights[0].at, "reason": state.foresights[0].reason}
            if state.foresights
            else None
        ),
        "letters": [
            {"at": each.at, "due": each.due, "in_time": each.in_time, "form": each.form}
            for each in state.letters
        ],
        "letter_missing": state.letter_missing,
        "letter": state.letter_standing,
        "exemption": (
            {"ground": state.exemption.ground, "reason": state.exemption.reason}
            if state.exemption
            else None
        ),
        "late": state.late,
        "unjudged": state.unjudged,
        "deadlines": [{"announced_at": d.at, "due": d.due} for d in state.deadlines],
        "alerts": [
            {
                "kind": a.kind,
                "about": a.about,
                "at": a.at,
                "due": a.due,
                "retracted": a.retracted,
            }
            for a in state.alerts
        ],
    }
