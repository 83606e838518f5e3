"""A dossier as routing shows it: who handles it, what is done, what comes next."""

from __future__ import annotations

from datetime import datetime
from typing import NotRequired

from typing_extensions import TypedDict

from services.routing.state import Routing
from services.runtime import Answered, described
from services.shared.lifecycle import PublicStatus


@described
class StepView(TypedDict):
    """A step that was started."""

    step: str
    unit: str
    lead: str
    """The lead when the step was started."""
    started_at: datetime
    completed_at: datetime | None
    completed_by: str | None


@described
class HandOverView(TypedDict):
    """The dossier went to another unit."""

    at: datetime
    to_unit: str
    reason: str


@described
class ConsultationView(TypedDict):
    """What another authority was asked, and what it answered."""

    unit: str
    question: str | None
    """Null if an older system told only the answer."""
    opened_at: datetime | None
    opened_by: str | None
    answer: str | None
    """Null until it answers."""
    answered_at: datetime | None
    answered_by: str | None


@described
class LateEntryView(TypedDict):
    """A head's approval that a request is dated back beyond the limit."""

    request: str
    """The name of the request's type, e.g. ``StopRequested``."""
    since: datetime
    """The earliest time that it may be dated to."""
    approved_at: datetime
    """The latest such time."""


@described
class DossierView(TypedDict):
    """A dossier as routing sees it. Times are UTC, and every list is in time order."""

    code: str
    status: PublicStatus | None
    status_name: str | None
    """The name of the status in lower case, e.g. ``in_process``."""
    procedure: str | None
    handling_unit: str | None
    competence_rule: str | None
    """The rule by which a unit was first found competent."""
    unroutable: str | None
    """Why no unit was found competent."""
    workflow: str | None
    """Workflow and version, e.g. ``standard/2``."""
    open_step: str | None
    lead: str | None
    """The officer who leads the open step now."""
    next_steps: list[str]
    steps: list[StepView]
    hand_overs: list[HandOverView]
    consultations: list[ConsultationView]
    late_entries: list[LateEntryView]
    outcome: str | None
    """``granted`` or ``denied``."""
    returned_at: datetime | None
    returned_by_unit: str | None


@described
class ChangedDossier(Answered):
    """A request was carried out, and this is the dossier now."""

    dossier: NotRequired[DossierView | None]
    """Missing if the database could not be read just now."""


@described
class CompetenceView(TypedDict):
    """The competent unit, and the rule that names it."""

    unit: str
    name: str
    """In Vietnamese."""
    rule: str


def view(code: str, state: Routing) -> DossierView:
    """Return routing's own view of a dossier."""
    step = state.open_step
    status = state.status
    return {
        "code": code,
        "status": status,
        "status_name": None if status is None else status.word,
        "procedure": state.procedure,
        "handling_unit": state.handling_unit,
        "competence_rule": state.plan.rule if state.plan else None,
        "unroutable": state.unroutable if state.plan is None else None,
        "workflow": f"{state.plan.workflow}/{state.plan.version}" if state.plan else None,
        "open_step": step.step if step else None,
        "lead": state.lead,
        "next_steps": list(state.plan.steps[step.ordinal + 1 :]) if state.plan and step else [],
        "steps": [
            {
                "step": s.step,
                "unit": s.unit,
                "lead": s.lead,
                "started_at": s.started_at,
                "completed_at": s.completed_at,
                "completed_by": s.completed_by,
            }
            for s in state.steps
        ],
        "hand_overs": [
            {"at": h.at, "to_unit": h.to_unit, "reason": h.reason} for h in state.hand_overs
        ],
        "consultations": [
            {
                "unit": c.unit,
                "question": c.question,
                "opened_at": c.opened_at,
                "opened_by": c.opened_by,
                "answer": c.answer,
                "answered_at": c.answered_at,
                "answered_by": c.answered_by,
            }
            for c in state.consultations
        ],
        "late_entries": [
            {"request": e.request, "since": e.since, "approved_at": e.until}
            for e in state.late_entries
        ],
        "outcome": state.outcome,
        "returned_at": state.returned_at,
        "returned_by_unit": state.returned_by_unit,
    }
