"""The formats of the catalogue's files. Each table of a file is one of these models."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum
from typing import Annotated, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from contracts.events.sla import Budget, CalendarDaysEnd, TimeUnit, WorkingDaysReading
from contracts.values import (
    Amount,
    FilingChannel,
    OfficerId,
    PlaceCode,
    ProcedureCode,
    ServiceLevel,
    StepName,
    UnitCode,
)

Name = Annotated[str, Field(min_length=1, max_length=300)]
Share = Annotated[float, Field(gt=0, lt=1)]


class _Entry(BaseModel):
    # An unknown key is an officer's slip, and the error names it.
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reading(_Entry):
    """How the law's words are read where a budget is in days."""

    working_days: WorkingDaysReading = WorkingDaysReading.EIGHT_HOURS
    calendar_days_end: CalendarDaysEnd = CalendarDaysEnd.CLOSING

    def of(self, unit: TimeUnit) -> WorkingDaysReading | CalendarDaysEnd | None:
        """Return how an amount in this unit is read; None for hours, which need no reading."""
        match unit:
            case TimeUnit.WORKING_DAYS:
                return self.working_days
            case TimeUnit.CALENDAR_DAYS:
                return self.calendar_days_end
            case TimeUnit.WORKING_HOURS:
                return None


class Procedure(_Entry):
    """One administrative procedure (thủ tục hành chính)."""

    code: ProcedureCode
    """Its number in the national database of administrative procedures."""
    name_vi: Name
    name_en: Name
    field: Name
    """The field that it belongs to (lĩnh vực), e.g. ``land``; figures are grouped by it."""
    budget: Budget
    """The standard time for resolving it (thời hạn giải quyết)."""
    level: ServiceLevel
    channels: tuple[FilingChannel, ...] = Field(min_length=1)
    fee: Amount = 0
    """What is paid at reception, in dong; an amount that is computed later is demanded later."""
    documents: tuple[Name, ...] = Field(min_length=1)
    """The papers that a complete dossier has (thành phần hồ sơ)."""
    result_vi: Name
    result_en: Name
    workflow: str
    soon_due_shares: tuple[Share, ...] = (0.8,)
    """A dossier is soon due each time one of these shares of its budget is used; rising."""
    source: str | None = None
    """The legal basis of the standard time."""

    @field_validator("soon_due_shares")
    @classmethod
    def _rise(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if list(shares) != sorted(set(shares)):
            raise ValueError("write the shares in rising order, each once, like [0.5, 0.8]")
        return shares


class Step(_Entry):
    """One step of a workflow, led by one officer."""

    name: StepName
    title_vi: Name
    title_en: Name
    share: Share | None = None
    """Its share of the procedure's budget (thời hạn của bước). If no step of the workflow has one,
    all shares are equal."""


class WorkflowRef(NamedTuple):
    """A workflow in one version; written like ``standard/2``."""

    id: str
    version: int

    def __str__(self) -> str:
        return f"{self.id}/{self.version}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the reference in a text like ``standard/2``. Raise ValueError if it is not one."""
        name, _, version = text.rpartition("/")
        return cls(name, int(version))


class Workflow(_Entry):
    """The steps between reception and result (quy trình nội bộ). A version never changes."""

    id: str = Field(min_length=1, max_length=64)
    version: int = Field(ge=1)
    steps: tuple[Step, ...] = Field(min_length=1)

    @property
    def ref(self) -> WorkflowRef:
        """This workflow in this version."""
        return WorkflowRef(self.id, self.version)

    @model_validator(mode="after")
    def _shares_add_up(self) -> Workflow:
        given = [step.share for step in self.steps if step.share is not None]
        if given and (len(given) < len(self.steps) or abs(sum(given) - 1) > 1e-9):
            raise ValueError("give every step a share, and let them add up to 1, or give none")
        return self

    @property
    def shares(self) -> tuple[float, ...]:
        """Each step's share of the procedure's budget."""
        even = 1 / len(self.steps)
        return tuple(even if step.share is None else step.share for step in self.steps)


class UnitKind(StrEnum):
    """What a unit is in the two-tier city of July 2025."""

    CITY = "city"
    DEPARTMENT = "department"
    WARD = "ward"
    BRANCH = "branch"
    AUTHORITY = "authority"


class Unit(_Entry):
    """A unit that receives, handles or returns dossiers."""

    code: UnitCode
    name_vi: Name
    name_en: Name
    kind: UnitKind
    address: Name
    head: OfficerId
    officers: tuple[OfficerId, ...] = Field(min_length=1)
    """The officers who can lead a step here."""
    places: tuple[PlaceCode, ...] = ()
    """The wards or communes that it answers for."""
    from_: date | None = Field(default=None, alias="from")
    """Its first day, in Vietnam; None if it has always been there."""
    until: date | None = None
    """Its last day, in Vietnam; None if it has no end."""
    successor: UnitCode | None = None
    """The unit that takes its open dossiers over when it ends."""

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Unit:
        if self.from_ is not None and self.until is not None and self.until < self.from_:
            raise ValueError(f"it would end on {self.until}, before it begins on {self.from_}")
        if self.successor is not None and self.until is None:
            raise ValueError("it has a successor: name its last day (until) too")
        return self

    @property
    def ends_at(self) -> datetime | None:
        """The first instant at which it is gone, UTC; None if it has no end."""
        return None if self.until is None else _midnight(self.until + timedelta(days=1))

    def exists_at(self, at: datetime) -> bool:
        """Return whether it is there at that time."""
        if self.from_ is not None and at < _midnight(self.from_):
            return False
        return self.until is None or at < _midnight(self.until + timedelta(days=1))

    def overlaps(self, other: Unit) -> bool:
        """Return whether there is a day on which both are there."""
        return (self.from_ or date.min) <= (other.until or date.max) and (
            other.from_ or date.min
        ) <= (self.until or date.max)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), timezone(timedelta(hours=7))).astimezone(UTC)


class CompetenceRule(_Entry):
    """Who is competent: for some procedures, in some places, this unit or kind of unit.

    The first rule of the file that fits decides. It names either a `unit` or a `kind`: then the
    unit of that kind that answers for the dossier's place is competent.
    """

    id: str = Field(min_length=1, max_length=64)
    procedures: tuple[ProcedureCode, ...] = ()
    """Empty: every procedure of `fields`."""
    fields: tuple[Name, ...] = ()
    places: tuple[PlaceCode, ...] = ()
    """Empty: everywhere."""
    unit: UnitCode | None = None
    kind: UnitKind | None = None
    source: str | None = None


class FormKind(StrEnum):
    """What a form is for."""

    RECEIPT = "receipt"
    SUPPLEMENT = "supplement"
    REFUSAL = "refusal"
    APOLOGY = "apology"
    STOP = "stop"
    CONTROL = "control"
    REGISTER = "register"


class Form(_Entry):
    """One form of a circular (biểu mẫu)."""

    number: Annotated[str, Field(pattern=r"^\d\d$")]
    name_vi: Name
    name_en: Name


class Circular(_Entry):
    """A circular with its forms, in force from a day (Vietnam time) until the next one is."""

    id: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}$")]
    """Year and number, e.g. ``2025-03``."""
    name: Name
    from_: date = Field(alias="from")
    forms: dict[FormKind, Form]
