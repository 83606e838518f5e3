"""What sla knows of one dossier, and what it has announced about it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from contracts.events.sla import AlertKind, Budget, TimeUnit
from services.shared.lifecycle import Handled


class Alert(msgspec.Struct, frozen=True, omit_defaults=True):
    """An alert that was announced."""

    at: datetime
    """The moment that it is about: when a share was used, a step or the whole was due."""
    id: str
    kind: AlertKind
    due: datetime
    about: str = ""
    """Which of several of its kind: a warning share, a step's ordinal, a consulted unit."""
    retracted: bool = False


class Expected(msgspec.Struct, frozen=True, array_like=True):
    """An alert that follows from what is known: it was raised, or will be if nothing changes."""

    at: datetime
    kind: AlertKind
    about: str
    due: datetime
    certain: bool
    """Whether it follows from what has ended, whatever the clock says."""


class Deadline(msgspec.Struct, frozen=True):
    """A deadline that was announced."""

    at: datetime
    id: str
    due: datetime


class Handler(msgspec.Struct, frozen=True, array_like=True, order=True):
    """From `since` on a unit handled the dossier. In this order, the later one counts."""

    since: datetime
    by: str
    """The hand-over that said so; empty for the competence rules, which a hand-over overrides."""
    unit: str
    """Empty for the unit that received the dossier: nobody else is competent."""


class StepSpan(msgspec.Struct, frozen=True, array_like=True):
    """A step that was started, and when it was done."""

    started_at: datetime
    ordinal: int
    step: str
    completed_at: datetime | None = None
    begun: bool = True
    """Whether its start was told; an older system may tell of its end alone."""


class ConsultationMark(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Another authority was consulted (``answer`` false) or answered."""

    at: datetime
    id: str
    unit: str
    answer: bool
    amount: int = 0
    """Its time to answer, as asked for, in `counted_in`; 0: the rules' default."""
    counted_in: str = ""

    @property
    def budget(self) -> Budget | None:
        """The time to answer that was asked for."""
        if not self.amount:
            return None
        return Budget(amount=self.amount, unit=TimeUnit(self.counted_in))


class Letter(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A letter of apology that was issued."""

    at: datetime
    id: str
    due: datetime
    """The new date that it gives."""
    previous: datetime
    """What was due before, by what was known then."""
    in_time: bool
    form: str


class Exemption(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Why no letter is owed."""

    at: datetime
    id: str
    ground: str
    reason: str


class Assessment(msgspec.Struct, frozen=True, omit_defaults=True):
    """What follows from all that is known, by the rule in force. Derived, never corrected."""

    budget: int
    """Working seconds that the procedure allows, and what an extension has added."""
    used: int
    """Working seconds used in the segments that have ended."""
    due: datetime | None
    """When the budget runs out if nothing changes; None while the clock stands still."""
    original_due: datetime
    running: bool
    breach_at: datetime | None = None
    """When the budget ran out, or will, while the clock was running; None if it never does."""
    breach_certain: bool = False
    """Whether `breach_at` follows from what has ended, whatever the clock says."""
    first_breach_at: datetime | None = None
    """The same of the first date, as if no letter had moved it."""
    letter_by: datetime | None = None
    """The last moment for a letter of apology to be in time; None while the clock stands."""
    extended: int = 0
    """Working seconds that letters have added to the budget."""
    extended_at: datetime | None = None
    """When the first letter that moved the due time was issued."""
    supplements: int = 0
    """How often the citizen was sent back."""
    repeated_at: datetime | None = None
    """When they were sent back once more than allowed."""
    expected: tuple[Expected, ...] = ()
    """Every alert that was or will be raised, in the order of time."""


class Sla(Handled, frozen=True):
    """One dossier as sla sees it. Every list is in event-time order."""

    procedure: str | None = None
    receiving_unit: str | None = None
    channel: str | None = None
    level: str | None = None
    workflow: str | None = None
    """Workflow and version, e.g. ``standard/2``; None if nobody told."""
    handlers: tuple[Handler, ...] = ()
    steps: tuple[StepSpan, ...] = ()
    consultations: tuple[ConsultationMark, ...] = ()
    letters: tuple[Letter, ...] = ()
    exemption: Exemption | None = None
    assessment: Assessment | None = None
    rule: str | None = None
    deadlines: tuple[Deadline, ...] = ()
    """Every due time that was announced."""
    due_told: datetime | None = None
    """The one announced last; after a fact that came late it is not the last of `deadlines`."""
    alerts: tuple[Alert, ...] = ()
    retracted: tuple[str, ...] = ()
    """Alerts whose retraction is known, by id."""

    @property
    def late(self) -> bool:
        """Whether the promise was broken, by what was announced and stands."""
        return any(a.kind is AlertKind.OVERDUE and not a.retracted for a in self.alerts)

    @property
    def letter_missing(self) -> bool:
        """Whether the dossier is late, and its citizen has no letter though one is owed."""
        return self.late and not self.letters and self.exemption is None


def unit_at(state: Sla, moment: datetime) -> str | None:
    """Who handled the dossier at that time, as far as is known; before that, who received it."""
    unit = state.receiving_unit
    for handler in state.handlers:
        if handler.since > moment:
            break
        unit = handler.unit or state.receiving_unit
    return unit
