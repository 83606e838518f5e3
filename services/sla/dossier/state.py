"""What sla knows of one dossier, and what it has announced about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec import UNSET, UnsetType

from contracts.events.intake import Promise
from contracts.events.sla import AlertKind, Budget, TimeUnit
from services.shared.lead import Lead
from services.shared.lifecycle import Handled


class Alert(msgspec.Struct, frozen=True, omit_defaults=True):
    """An alert that was announced."""

    at: datetime
    """The moment that it is about: when a share was used, or a step or the whole was due."""
    id: str
    kind: AlertKind
    due: datetime
    about: str = ""
    """Tells alerts of one kind apart: a warning share, a step's ordinal, a consulted unit, or since
    what a letter is owed. Without that, an `APOLOGY_OWED` is an older release's last call."""
    retracted: bool = False

    @property
    def meant(self) -> AlertKind:
        """The kind in today's words."""
        if self.kind is AlertKind.APOLOGY_OWED and not self.about:
            return AlertKind.LAST_CALL
        return self.kind


class Expected(msgspec.Struct, frozen=True, array_like=True):
    """An alert that follows from what is known: it was raised, or will be if nothing changes."""

    at: datetime
    kind: AlertKind
    about: str
    due: datetime
    certain: bool
    """Whether ended spans alone decide it, so that the clock's further course cannot change it."""


class Deadline(msgspec.Struct, frozen=True):
    """A deadline that was announced."""

    at: datetime
    id: str
    due: datetime


class Handler(msgspec.Struct, frozen=True, array_like=True, order=True):
    """From `since` on, a unit handled the dossier. Of several, the later in this order counts."""

    since: datetime
    by: str
    """The id of the hand-over; empty for the competence rules, which a hand-over overrides."""
    unit: str
    """Empty for the receiving unit: no other unit is competent."""
    told: str = ""
    """The beginning of the id of an import's fact that says so."""


class StepSpan(msgspec.Struct, frozen=True, array_like=True):
    """A step that was started, and when it was completed."""

    started_at: datetime
    ordinal: int
    step: str
    completed_at: datetime | None = None
    begun: bool = True
    """Whether its start is known; an older system may tell only its end."""
    start: str = ""
    """The beginning of the id of an import's fact that started it."""
    end: str = ""
    """The same of its completion."""


class ConsultationMark(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Another authority was consulted (``answer`` false) or answered."""

    at: datetime
    id: str
    unit: str
    answer: bool
    amount: int = 0
    """Its time to answer, as set in the question, in `counted_in`; 0: the rules' default."""
    counted_in: str = ""

    @property
    def budget(self) -> Budget | None:
        """The time to answer, as set in the question; None for the rules' default."""
        if not self.amount:
            return None
        return Budget(amount=self.amount, unit=TimeUnit(self.counted_in))


class Promised(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was promised at reception: a budget, or a fixed date."""

    amount: int = 0
    counted_in: str = ""
    reading: str = ""
    due: datetime | None = None
    basis: str = ""

    @property
    def budget(self) -> Budget | None:
        """The promised budget; None where a date was promised."""
        if not self.amount:
            return None
        reading = self.reading or None
        return Budget.model_validate(
            {"amount": self.amount, "unit": self.counted_in, "reading": reading}
        )


def promised_by(promise: Promise) -> Promised | UnsetType:
    """Return what is kept of a promise; UNSET if it does not say what was promised."""
    if promise.budget is not None:
        return promised_budget(promise.budget, promise.basis or "")
    if promise.due is not None:
        return Promised(due=promise.due, basis=promise.basis or "")
    return UNSET


def promised_budget(budget: Budget, basis: str = "") -> Promised:
    """Return the promise of a budget."""
    reading = budget.reading or ""
    return Promised(budget.amount, budget.unit, reading, None, basis)


class Unjudged(StrEnum):
    """Why nothing can be said about a dossier's time."""

    NO_PROMISE = "no-promise"
    """Nobody knows what was promised."""
    NO_CALENDAR = "no-calendar"
    """Its time lies before or beyond the years of the calendars."""


class Letter(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A letter of apology that was issued."""

    at: datetime
    id: str
    due: datetime | None
    """The letter's new date; None if it gives none."""
    previous: datetime
    """The due time before the letter, by what was known then."""
    in_time: bool
    form: str


class Foresight(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Who leads the dossier, or heads its unit, said that its date will be missed."""

    at: datetime
    id: str
    reason: str


class LetterStanding(StrEnum):
    """What became of a letter that is owed, or was written before it was."""

    IN_TIME = "in-time"
    """It came at least the notice before the due time, a working day by law."""
    LATE = "late"
    """It came, and after that."""
    MISSING = "missing"
    """It is owed, and has not come."""


class Exemption(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Why no letter is owed."""

    at: datetime
    id: str
    ground: str
    reason: str


class Assessment(msgspec.Struct, frozen=True, omit_defaults=True, dict=True):
    """What follows from all that is known, by the rules in force. Computed, never corrected."""

    budget: int
    """Working seconds that the procedure allows, plus what letters have added."""
    used: int
    """Working seconds used in the running spans that have ended."""
    due: datetime | None
    """When the budget runs out if nothing changes; None while the clock is stopped."""
    original_due: datetime
    running: bool
    breach_at: datetime | None = None
    """When the budget ran out, or will, while the clock was running; None if it never does."""
    breach_certain: bool = False
    """Whether ended spans alone decide `breach_at`."""
    first_breach_at: datetime | None = None
    """The same for the original date, as if no letter had moved it."""
    letter_by: datetime | None = None
    """The last moment for a letter of apology to be in time; None while the clock is stopped, if it
    had not come before."""
    owed_at: datetime | None = None
    """Since when a letter was owed that had not come by then, or will be if nothing changes."""
    extended: int = 0
    """Working seconds that letters have added to the budget."""
    extended_at: datetime | None = None
    """When the first letter that moved the due time was issued."""
    supplements: int = 0
    """The number of times a supplement was demanded."""
    repeated_at: datetime | None = None
    """When a supplement was demanded once more than allowed."""
    expected: tuple[Expected, ...] = ()
    """Every alert that was or will be raised, in time order."""


class EnteredLate(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A fact that was entered more than a minute after it happened."""

    at: datetime
    id: str
    """The begin of the fact's id; empty for facts that are kept without one (routing, steps)."""
    entered: datetime
    seconds: int
    """The working seconds in between, by the default office hours: so units can be compared."""


class TakenBack(msgspec.Struct, frozen=True, array_like=True, order=True):
    """An alert's retraction."""

    alert: str
    """The alert's id."""
    entered: datetime
    """Since when it is known that the alert was wrong."""
    late_entry: bool
    """Whether it was a late entry that showed it."""


class Sla(Handled, frozen=True):
    """One dossier as sla sees it. Every list is in event-time order."""

    procedure: str | None = None
    promised: Promised | UnsetType | None = UNSET
    """None if nobody knows; UNSET if the reception does not say (version 2 of the event)."""
    first_budget: Promised | None = None
    """The budget of the first DeadlineSet: the promise where the reception does not say."""
    told_until: datetime | None = None
    """When the history of an import was closed last."""
    correcting: bool = False
    """Whether an import tells its history anew: nothing is retracted before it has told all."""
    unjudged: Unjudged | None = None
    """Why there is no assessment although the dossier was received."""
    receiving_unit: str | None = None
    channel: str | None = None
    level: str | None = None
    workflow: str | None = None
    """Workflow and version, e.g. ``standard/2``; None if not known."""
    handlers: tuple[Handler, ...] = ()
    steps: tuple[StepSpan, ...] = ()
    consultations: tuple[ConsultationMark, ...] = ()
    letters: tuple[Letter, ...] = ()
    foresights: tuple[Foresight, ...] = ()
    leads: tuple[Lead, ...] = ()
    """Who leads the open step, in event-time order; empty for what an older release read."""
    exemption: Exemption | None = None
    assessment: Assessment | None = None
    rule: str | None = None
    """The text of the rules and the calendar that it was judged by."""
    rules: int | None = None
    """The number of the set of rules that it was judged by; None if it was not judged yet."""
    deadlines: tuple[Deadline, ...] = ()
    """Every due time that was announced."""
    due_told: datetime | None = None
    """The due time announced last; after a late fact it is not the last of `deadlines`."""
    alerts: tuple[Alert, ...] = ()
    retracted: tuple[str, ...] = ()
    """Ids of the alerts whose retraction is known."""
    entered_late: tuple[EnteredLate, ...] = ()
    """What was entered late, in event-time order; none of an import's history."""
    taken_back: tuple[TakenBack, ...] = ()
    """The retractions, since they say when they were entered."""
    breach_taken_back: datetime | None = None
    """The first due time of which a late entry said, when it had passed, that it was not missed."""

    @property
    def late(self) -> bool:
        """Whether the promise was broken, by the alerts that are not retracted."""
        return any(a.kind is AlertKind.OVERDUE and not a.retracted for a in self.alerts)

    @property
    def letter_missing(self) -> bool:
        """Whether the dossier is late, and its citizen has no letter though one is owed."""
        return self.late and not self.letters and self.exemption is None

    @property
    def letter_standing(self) -> LetterStanding | None:
        """What became of the letter, by the alerts that are not retracted; None if there is none
        and none is owed."""
        # What ended late before debts were announced is known by its breach alone.
        owed = any(a.meant is AlertKind.APOLOGY_OWED and not a.retracted for a in self.alerts)
        return letter_standing(self.letters, self.assessment, owed=owed or self.letter_missing)


def letter_standing(
    letters: Sequence[Letter], now: Assessment | None, *, owed: bool
) -> LetterStanding | None:
    """Return what became of a dossier's letter; None if there is none and none is owed."""
    if letters and now is not None:
        in_time = now.letter_by is None or letters[0].at <= now.letter_by
        return LetterStanding.IN_TIME if in_time else LetterStanding.LATE
    return LetterStanding.MISSING if owed else None


def unit_at(state: Sla, moment: datetime) -> str | None:
    """Return the unit that handled the dossier then, as far as known; before, the receiving one."""
    unit = state.receiving_unit
    for handler in state.handlers:
        if handler.since > moment:
            break
        unit = handler.unit or state.receiving_unit
    return unit
