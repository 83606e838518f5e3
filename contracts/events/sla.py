"""What sla decides: deadlines, warnings, breaches, and their retraction."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from contracts.events.authority import Delegated
from contracts.model import EventData, Kind
from contracts.values import FreeText, Instant, Label, OfficerId, StepName, UnitCode


class TimeUnit(StrEnum):
    """What a procedure's standard time is counted in."""

    WORKING_HOURS = "working-hours"
    WORKING_DAYS = "working-days"
    CALENDAR_DAYS = "calendar-days"


class WorkingDaysReading(StrEnum):
    """What "n working days" from a reception means. The three legal usages differ."""

    EIGHT_HOURS = "eight-hours"
    """n times eight working hours: received at 10:00, due at 10:00 n working days later. This is
    how the internal procedures under Decree 61/2018 count ("01 ngày làm việc = 08 giờ làm việc"),
    and a term in hours runs from the hour itself (Civil Code 2015, article 147.1)."""
    SAME_TIME = "same-time"
    """The same clock time on the n-th following working day, however long the days are."""
    END_OF_DAY = "end-of-day"
    """The day of reception is not counted; due when the office closes on the n-th working day after
    it (Civil Code 2015, articles 147.2 and 148.1)."""


class CalendarDaysEnd(StrEnum):
    """When the last of a number of calendar days is over."""

    CLOSING = "closing"
    """When the office closes: no result can be handed out after that."""
    MIDNIGHT = "midnight"
    """At 24:00, by Civil Code 2015 article 148.6."""


class Budget(EventData):
    """A standard time for resolving a dossier (thời hạn giải quyết)."""

    amount: int = Field(ge=1, le=10_000)
    unit: TimeUnit
    reading: WorkingDaysReading | CalendarDaysEnd | None = None
    """How the days are counted; without one, as the office hours' ``[reading]`` says."""

    @model_validator(mode="after")
    def _reads_its_unit(self) -> Self:
        wanted = _READINGS.get(self.unit)
        if self.reading is not None and not (wanted and isinstance(self.reading, wanted)):
            raise ValueError(f"{self.unit} are not read as {self.reading}")
        return self


_READINGS: dict[TimeUnit, type[StrEnum]] = {
    TimeUnit.WORKING_DAYS: WorkingDaysReading,
    TimeUnit.CALENDAR_DAYS: CalendarDaysEnd,
}


class AlertKind(StrEnum):
    """What may be wrong with a dossier's time. The value is the name of the fact that says so."""

    SOON_DUE = "DossierSoonDue"
    OVERDUE = "DossierOverdue"
    LAST_CALL = "LastCallGiven"
    APOLOGY_OWED = "ApologyOwed"
    SUPPLEMENT_REPEATED = "SupplementRepeated"
    STEP_OVERDUE = "StepOverdue"
    CONSULTATION_OVERDUE = "ConsultationOverdue"


DeadlineRule = Annotated[Label, Field(min_length=1)]
"""The versions of the rules and of the calendar by which a time was computed."""


class MoveCause(StrEnum):
    """Why a deadline moved; for programs. The `reason` beside it is for people."""

    TIME_GIVEN_BACK = "time-given-back"
    """The dossier waited (portal states 5, 6, 8), and waiting uses no time."""
    OTHER_HOURS = "other-hours"
    """A unit with other office hours handles it."""
    EXTENDED = "extended"
    """The unit's head apologised and gave a new date."""
    RULES_CHANGED = "rules-changed"
    """A calendar or a rule was changed."""


class DeadlineSet(EventData, kind=Kind.FACT, owner="sla", version=2):
    """The appointed time (ngày hẹn trả): when the citizen may expect the result at the latest.

    Version 1 knew no promise of a fixed date.
    """

    due: Instant
    budget: Budget | None = None
    """The standard time that was promised; null where a date was."""
    rule: Label
    """The versions of the rules and of the calendar that made it."""


class DeadlineMoved(EventData, kind=Kind.FACT, owner="sla"):
    """A pause ended, or became known late, or something else moved the due time: see `cause`."""

    due: Instant
    previous: Instant
    original: Instant
    reason: FreeText
    rule: Label
    cause: MoveCause | None = None


class RulesApplied(EventData, kind=Kind.FACT, owner="sla"):
    """An open dossier's time was computed anew because a rule or a calendar was changed.

    If that moves its deadline, a DeadlineMoved follows.
    """

    rule: DeadlineRule
    previous: DeadlineRule
    number: int | None = None
    """The number of the set of rules that it is judged by from now on."""


class AlertData(EventData):
    """The base of the facts that say that something is wrong with a dossier's time."""

    ALERT: ClassVar[AlertKind]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.ALERT = AlertKind(cls.NAME)


class DossierSoonDue(AlertData, kind=Kind.FACT, owner="sla"):
    """Most of the budget is used. An alert: it may be retracted."""

    at: Instant
    """When the warning share of the budget was used up."""
    due: Instant
    unit: UnitCode
    share: float | None = Field(default=None, gt=0, lt=1)
    """The warning share that was used up."""


class DossierOverdue(AlertData, kind=Kind.FACT, owner="sla"):
    """The promise is broken. Its time is the due time itself. An alert: it may be retracted."""

    due: Instant
    unit: UnitCode


class LastCallGiven(AlertData, kind=Kind.FACT, owner="sla"):
    """The last moment for a letter in time has come: finish, or write it. An alert: it may be
    retracted.

    "At least one working day before" (Decree 61/2018, article 19). Nothing is owed yet: most
    dossiers that are called are finished in time. Up to version 1, ApologyOwed said this.
    """

    at: Instant
    due: Instant
    unit: UnitCode


class DebtCause(StrEnum):
    """Since what a letter of apology is owed."""

    BREACH = "breach"
    """The first date was missed."""
    FORESEEN = "foreseen"
    """The lead or the head said that it will be."""


class ApologyOwed(AlertData, kind=Kind.FACT, owner="sla", version=2):
    """The citizen is owed a letter of apology from `at` on. An alert: it may be retracted.

    It stands when the letter comes, too: whether that came in time, late or not at all is counted.
    Version 1 was said a working day before the due time: it is read as LastCallGiven.
    """

    at: Instant
    due: Instant
    """The first date."""
    unit: UnitCode
    cause: DebtCause


class SupplementRepeated(AlertData, kind=Kind.FACT, owner="sla"):
    """A supplement was demanded once more than the rules allow. An alert: it may be retracted.

    Decision 766/2022 counts such a dossier as late.
    """

    at: Instant
    number: int = Field(ge=2)
    """The number of this demand for a supplement."""
    unit: UnitCode


class StepOverdue(AlertData, kind=Kind.FACT, owner="sla"):
    """A step took more than its share of the budget. An alert: it may be retracted."""

    step: StepName
    ordinal: int = Field(ge=0)
    due: Instant
    unit: UnitCode


class ConsultationOverdue(AlertData, kind=Kind.FACT, owner="sla"):
    """A consulted authority did not answer in its own time. An alert: it may be retracted."""

    consulted: UnitCode
    due: Instant
    unit: UnitCode
    """The unit that asked, and answers for the dossier."""


class RetractionCause(StrEnum):
    """Why an alert was wrong; for programs. The `reason` beside it is for people."""

    NOT_REACHED = "not-reached"
    """What is known now shows that the moment never came."""
    MOVED = "moved"
    """What is known now puts the moment at another time."""
    EXEMPT = "exempt"
    """The dossier is exempt from what was owed."""
    KEPT = "kept"
    """The delay that was foreseen did not come: the date was kept."""


class AlertRetracted(EventData, kind=Kind.FACT, owner="sla"):
    """An alert proved wrong when a fact arrived late. Everyone who was told must be told so."""

    alert_id: Label
    alert: AlertKind
    reason: FreeText
    due: Instant | None = None
    """What is due now; None when nothing is due any more."""
    cause: RetractionCause | None = None


class ApologyRequested(EventData, kind=Kind.REQUEST, owner="sla", version=3):
    """A unit's head apologises for a dossier that is or will be late.

    Version 1 always gave a new date.
    """

    reason: FreeText
    due: Instant | None = None
    """The new date, while the clock runs. None: the letter gives none, as after the dossier's end
    or in a pause, and once the date has moved as often as it may."""
    """The signing officer; it must be the head of the unit that handles the dossier."""


class ApologyIssued(Delegated, kind=Kind.FACT, owner="sla", version=2):
    """The letter of apology (phiếu xin lỗi và hẹn lại ngày trả kết quả).

    With a new date and issued before the due time, it moves that time, as often as the rules allow.
    Issued after it, the dossier stays late, and the letter says when the result may be expected.
    Without a new date it moves nothing. Version 1 always had one.
    """

    reason: FreeText
    due: Instant | None = None
    """The new date, if it gives one."""
    previous: Instant
    """The due time before the letter; in a pause, the one before the pause."""
    letter_by: Instant | None = None
    """The last moment for a letter to be in time; None in a pause that began before it."""
    in_time: bool
    """Whether the letter was issued by then."""
    unit: UnitCode
    """The responsible unit."""
    by: OfficerId
    """The unit's head, who signs."""
    form: Label
    """The form that is printed, by the circular in force, e.g. ``04/2025-03``."""


class DelayForeseenRequested(EventData, kind=Kind.REQUEST, owner="sla", version=2):
    """The lead or the unit's head says that the dossier will miss its date."""

    reason: FreeText


class DelayForeseen(Delegated, kind=Kind.FACT, owner="sla"):
    """The dossier will miss its date, says who leads it: from now on a letter is owed."""

    reason: FreeText
    unit: UnitCode
    by: OfficerId


class ExemptionGround(StrEnum):
    """Why no letter of apology is owed."""

    FORCE_MAJEURE = "force-majeure"
    STATE_SECRET = "state-secret"
    WITHHELD_INFORMATION = "withheld-information"
    """The applicant withheld information or gave wrong information."""


class ExemptionRequested(EventData, kind=Kind.REQUEST, owner="sla", version=2):
    """A unit's head states that no letter of apology is owed."""

    ground: ExemptionGround
    reason: FreeText


class ExemptionGranted(EventData, kind=Kind.FACT, owner="sla"):
    """No letter of apology is owed for this dossier. If it is late, it stays late."""

    ground: ExemptionGround
    reason: FreeText
    unit: UnitCode
    by: OfficerId


ALERTS: tuple[type[AlertData], ...] = (
    DossierSoonDue,
    DossierOverdue,
    LastCallGiven,
    ApologyOwed,
    SupplementRepeated,
    StepOverdue,
    ConsultationOverdue,
)
"""The facts that may be retracted: a class for each `AlertKind`."""

ANNOUNCEMENTS: tuple[type[EventData], ...] = (
    DeadlineSet,
    DeadlineMoved,
    RulesApplied,
    *ALERTS,
    AlertRetracted,
)
"""Everything that sla concludes. None of it changes a dossier's time."""
