"""The formats of the catalogue's files. Each table of a file is one of these models."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from contracts.sla import Budget
from contracts.values import (
    Amount,
    Channel,
    OfficerId,
    PlaceCode,
    ProcedureCode,
    ServiceLevel,
    StepName,
    UnitCode,
)

Name = Annotated[str, Field(min_length=1, max_length=300)]


class _Entry(BaseModel):
    # A key that the format does not know is a slip of the clerk's, and is named.
    model_config = ConfigDict(frozen=True, extra="forbid")


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
    channels: tuple[Channel, ...] = Field(min_length=1)
    fee: Amount = 0
    """What is paid at reception, in dong; what is computed later is demanded later."""
    documents: tuple[Name, ...] = Field(min_length=1)
    """The papers that a complete dossier has (thành phần hồ sơ)."""
    result_vi: Name
    result_en: Name
    workflow: str
    soon_due_share: float = Field(default=0.8, gt=0, lt=1)
    """A dossier is soon due once this share of its budget is used."""
    source: str | None = None
    """The legal basis of the standard time."""


class Step(_Entry):
    """One step of a workflow, led by one officer."""

    name: StepName
    title_vi: Name
    title_en: Name


class Workflow(_Entry):
    """The steps between reception and result (quy trình nội bộ). A version never changes."""

    id: str = Field(min_length=1, max_length=64)
    version: int = Field(ge=1)
    steps: tuple[Step, ...] = Field(min_length=1)


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
    """Who can lead a step here."""
    places: tuple[PlaceCode, ...] = ()
    """The wards or communes that it answers for."""


class CompetenceRule(_Entry):
    """Who is competent: for some procedures, in some places, this unit or kind of unit.

    The first rule of the file that fits decides. It names either a `unit`, or a `kind`: then
    it is the unit of that kind that answers for the dossier's place.
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
