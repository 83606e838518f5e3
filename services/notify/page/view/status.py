"""What the status page shows of a dossier, decided before a template is filled. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from contracts.events import intake, routing
from contracts.model import EventData
from contracts.values import FilingChannel, Outcome
from services.notify.dossier.decisions import ended_in_the_past
from services.notify.dossier.state import HistoryEntry, Notify
from services.notify.page.text.phrase import Phrase
from services.notify.page.text.words import LocalTime, Office, Words
from services.notify.page.view.asked import ASKED_KEYS, OpenDemand, open_demands
from services.notify.page.view.history import STORY_KEYS, HistoryLine, history, older
from services.notify.page.view.promise import WHY_KEYS, Appointment, missed_again, promise
from services.shared.lifecycle import ENDED, PublicStatus

Tone = Literal["working", "yours", "late", "paused", "done", "closed"]
"""Whose turn it is. ``yours``: the citizen must meet a demand."""

_REASONED: dict[PublicStatus, type[EventData]] = {
    PublicStatus.NOT_RECEIVED: intake.DossierNotReceived,
    PublicStatus.WITHDRAWN: intake.DossierWithdrawn,
    PublicStatus.STOPPED: routing.DossierStopped,
}
"""States whose reason is shown while they last, and the fact that gave the reason."""

LOOK_KEYS = frozenset(
    {
        *(f"state.{int(status)}" for status in PublicStatus),
        *(f"now.{int(status)}" for status in PublicStatus),
        *(f"next.{int(status)}" for status in PublicStatus),
        "now.4-step",
        "now.9-denied",
        *(f"now.10-{channel}" for channel in FilingChannel),
        "next.4-step",
        "next.4-last",
        *ASKED_KEYS,
        *STORY_KEYS,
        *WHY_KEYS,
    }
)
"""The texts that a dossier is shown with."""


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step of the dossier's workflow."""

    title: str
    state: Literal["done", "now", "later"]


@dataclass(frozen=True, slots=True)
class Letter:
    """The unit's letter of apology."""

    unit: Office
    reason: str
    due: LocalTime | None
    """The new date, if one was given."""
    missed: bool
    """Whether the new date was missed too."""


@dataclass(frozen=True, slots=True)
class StatusView:
    """A dossier as a citizen sees it. It names units and no person."""

    code: str
    procedure: str
    status: PublicStatus
    tone: Tone
    state: Phrase
    """The national portal's name of the state."""
    now: Phrase
    next: Phrase
    reason: str
    """Why it is in this state, in the officer's words; empty where no reason is owed."""
    asked: tuple[OpenDemand, ...]
    promise: Appointment | None
    apology: Letter | None
    steps: tuple[StepLine, ...]
    handling: Office | None
    receiving: Office | None
    returning: Office | None
    history: tuple[HistoryLine, ...]
    older: int
    may_rate: bool
    rating: int | None


def status_view(state: Notify, words: Words, now: datetime | None = None) -> StatusView:
    """Return what is shown of a dossier that was filed.

    With `now`, a letter's missed date is shown; without it, only what facts said has happened.
    """
    status = state.status
    assert status is not None
    wanted, promised = open_demands(state, words), promise(state, words, now)
    return StatusView(
        code=state.code,
        procedure=words.procedure(state.procedure),
        status=status,
        tone=_tone(status, wanted, promised),
        state=Phrase(f"state.{int(status)}"),
        now=_now(state, status, words),
        next=_next(state, status, words),
        reason=_reason(state, status),
        asked=wanted,
        promise=promised,
        apology=_apology(state, words, now),
        steps=_steps(state, status, words),
        handling=_office(state.unit, words),
        receiving=_office(state.receiving_unit, words),
        returning=_office(state.returning_unit, words),
        history=history(state, words),
        older=older(state),
        may_rate=(
            state.rating is None
            and status in ENDED - {PublicStatus.WITHDRAWN}
            and not ended_in_the_past(state)
        ),
        rating=state.rating,
    )


def _tone(
    status: PublicStatus, wanted: tuple[OpenDemand, ...], promised: Appointment | None
) -> Tone:
    if status in (PublicStatus.PROCESSED, PublicStatus.RETURNED):
        return "done"
    if status in ENDED:
        return "closed"
    if wanted:
        return "yours"
    if promised and promised.late:
        return "late"
    return "paused" if status is PublicStatus.STOPPED else "working"


def _now(state: Notify, status: PublicStatus, words: Words) -> Phrase:
    unit, key = state.unit or state.receiving_unit or "", f"now.{int(status)}"
    if status in (PublicStatus.REGISTERED, PublicStatus.RECEIVED, PublicStatus.NOT_RECEIVED):
        unit = state.receiving_unit or unit
    elif status is PublicStatus.RETURNED:
        returned = _last(state, routing.ResultReturned)
        unit = (returned and returned.unit) or state.returning_unit or unit
        if returned and returned.channel:
            key = f"{key}-{returned.channel}"
    fields = {"unit": words.office(unit).name}
    if status is PublicStatus.IN_PROCESS and state.step and state.step.name in state.plan:
        fields["step"] = words.step(state.workflow, state.step.name)
        fields["number"] = str(state.plan.index(state.step.name) + 1)
        fields["of"] = str(len(state.plan))
        return Phrase("now.4-step", fields)
    if status is PublicStatus.PROCESSED:
        if state.outcome == Outcome.DENIED:
            return Phrase("now.9-denied", fields)
        fields["result"] = words.result(state.procedure)
    return Phrase(key, fields)


def _next(state: Notify, status: PublicStatus, words: Words) -> Phrase:
    office = words.office(state.returning_unit or state.receiving_unit or "")
    fields = {"unit": office.name, "address": office.address}
    if status is PublicStatus.IN_PROCESS and state.step and state.step.name in state.plan:
        following = state.plan.index(state.step.name) + 1
        if following == len(state.plan):
            return Phrase("next.4-last", fields)
        return Phrase("next.4-step", {"step": words.step(state.workflow, state.plan[following])})
    return Phrase(f"next.{int(status)}", fields)


def _reason(state: Notify, status: PublicStatus) -> str:
    given = _last(state, _REASONED[status]) if status in _REASONED else None
    return given.text if given else ""


def _last(state: Notify, fact: type[EventData]) -> HistoryEntry | None:
    """Return the newest fact of that class."""
    return next((entry for entry in reversed(state.story) if entry.of(fact)), None)


def _apology(state: Notify, words: Words, now: datetime | None) -> Letter | None:
    letter = state.letter
    if letter is None:
        return None
    due = words.moment(letter.due) if letter.due else None
    missed = missed_again(state, now)
    return Letter(words.office(letter.unit), letter.reason, due, missed)


def _steps(state: Notify, status: PublicStatus, words: Words) -> tuple[StepLine, ...]:
    done = status in (PublicStatus.PROCESSED, PublicStatus.RETURNED)
    here = state.plan.index(state.step.name) if state.step and state.step.name in state.plan else -1
    if status in ENDED and not done:
        return ()  # it goes no further
    started = {entry.text for entry in state.story if entry.of(routing.StepStarted)}
    lines: list[StepLine] = []
    for at, name in enumerate(state.plan):
        passed = done or at < here
        if passed and name not in started:
            continue  # it was left out, or an older system did not tell of it
        told: Literal["done", "now", "later"]
        told = "done" if passed else "now" if at == here else "later"
        lines.append(StepLine(words.step(state.workflow, name), told))
    return tuple(lines)


def _office(code: str | None, words: Words) -> Office | None:
    return words.office(code) if code else None
