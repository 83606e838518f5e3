"""What is asked of routing and what it decides: who handles it, steps, consultations, results."""

from __future__ import annotations

from pydantic import Field

from contracts.events.authority import Delegated
from contracts.events.sla import Budget
from contracts.model import EventData, Kind
from contracts.values import (
    FilingChannel,
    FreeText,
    Instant,
    Label,
    OfficerId,
    Outcome,
    ProcedureCode,
    RequestName,
    StepName,
    UnitCode,
)


class DossierRouted(EventData, kind=Kind.FACT, owner="routing"):
    """The competent authority is found and the workflow's version fixed for this dossier."""

    procedure: ProcedureCode
    handling_unit: UnitCode
    workflow: Label
    workflow_version: int = Field(ge=1)
    steps: tuple[StepName, ...]
    rule: Label
    """The id of the competence rule that decided it."""


class DossierUnroutable(EventData, kind=Kind.FACT, owner="routing"):
    """No rule names a competent authority: a person must hand the dossier over by hand."""

    reason: FreeText


class StepStarted(EventData, kind=Kind.FACT, owner="routing"):
    """A step is open. It has exactly one named lead (cán bộ thụ lý)."""

    step: StepName
    ordinal: int = Field(ge=0)
    """The step's place in its workflow, from 0."""
    unit: UnitCode
    lead: OfficerId


class StepCompletionRequested(EventData, kind=Kind.REQUEST, owner="routing", version=2):
    """The lead says that a step is done; at the last step also the dossier's outcome."""

    step: StepName
    outcome: Outcome = Outcome.GRANTED
    note: FreeText | None = None


class StepCompleted(Delegated, kind=Kind.FACT, owner="routing"):
    """A step is done."""

    step: StepName
    ordinal: int = Field(ge=0)
    unit: UnitCode
    by: OfficerId


class StepReassignmentRequested(EventData, kind=Kind.REQUEST, owner="routing", version=2):
    """A head names another lead for the open step."""

    lead: OfficerId


class StepReassigned(EventData, kind=Kind.FACT, owner="routing"):
    """The open step has another lead."""

    step: StepName
    ordinal: int = Field(ge=0)
    lead: OfficerId
    by: OfficerId


class HandOverRequested(EventData, kind=Kind.REQUEST, owner="routing", version=2):
    """A unit passes the dossier on to the competent one."""

    to_unit: UnitCode
    reason: FreeText


class DossierHandedOver(EventData, kind=Kind.FACT, owner="routing"):
    """Another unit handles the dossier now; the open step goes on there with a new lead."""

    from_unit: UnitCode | None = None
    to_unit: UnitCode
    reason: FreeText
    lead: OfficerId
    by: OfficerId


class ConsultationOpeningRequested(EventData, kind=Kind.REQUEST, owner="routing", version=2):
    """The handling unit wants another authority's opinion, or a part of the work done there."""

    unit: UnitCode
    """The authority to be consulted."""
    question: FreeText
    budget: Budget | None = None
    """The time that it has to answer; by default the configured one."""


class ConsultationOpened(EventData, kind=Kind.FACT, owner="routing"):
    """Another authority is consulted (lấy ý kiến). The dossier stays where it is, its clock runs.

    So the public state stays 4, in process; but the authority has its own time to answer.
    """

    unit: UnitCode
    """The authority that is consulted."""
    question: FreeText
    budget: Budget | None = None
    """The time that it has to answer; by default the configured one."""
    by: OfficerId


class ConsultationAnswerRequested(EventData, kind=Kind.REQUEST, owner="routing", version=2):
    """An authority that was consulted answers."""

    unit: UnitCode
    """The authority that was consulted."""
    answer: FreeText


class ConsultationAnswered(EventData, kind=Kind.FACT, owner="routing"):
    """The authority that was consulted has answered: its time no longer counts."""

    unit: UnitCode
    """The authority that was consulted."""
    answer: FreeText
    by: OfficerId


class StopRequested(EventData, kind=Kind.REQUEST, owner="routing", version=2):
    """An officer wants the handling stopped; the reason is owed in writing."""

    reason: FreeText


class DossierStopped(EventData, kind=Kind.FACT, owner="routing"):
    """Stopped (dừng xử lý, portal state 8): the clock stops."""

    reason: FreeText
    by: OfficerId


class ResumptionRequested(EventData, kind=Kind.REQUEST, owner="routing", version=2):
    """An officer wants a stopped dossier to go on."""

    reason: FreeText


class DossierResumed(EventData, kind=Kind.FACT, owner="routing"):
    """A stopped dossier goes on: the clock runs again."""

    reason: FreeText
    by: OfficerId


class DossierProcessed(Delegated, kind=Kind.FACT, owner="routing"):
    """Processed (đã xử lý xong, portal state 9): the result is there, the clock ends."""

    outcome: Outcome
    handling_unit: UnitCode
    by: OfficerId


class ResultReturnRequested(EventData, kind=Kind.REQUEST, owner="routing", version=2):
    """A unit, which may be any unit, hands the result to the citizen."""

    unit: UnitCode
    channel: FilingChannel


class ResultReturned(EventData, kind=Kind.FACT, owner="routing"):
    """The citizen has the result (đã trả kết quả, portal state 10)."""

    unit: UnitCode
    channel: FilingChannel
    by: OfficerId


class LateEntryRequested(EventData, kind=Kind.REQUEST, owner="routing", version=2):
    """A unit's head answers for a request about the dossier that is dated back beyond the limit."""

    request: RequestName
    """The request that is to be dated back."""
    at: Instant
    """The earliest time that it may be dated to."""
    reason: FreeText
    """Why it was not entered in time."""


class LateEntryApproved(Delegated, kind=Kind.FACT, owner="routing"):
    """Requests of that name may be dated between `at` and this approval, however late it is."""

    request: RequestName
    at: Instant
    """The earliest time that such a request may be dated to."""
    reason: FreeText
    unit: UnitCode
    """The unit whose head approved."""
    by: OfficerId
