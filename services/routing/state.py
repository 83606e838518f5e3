"""What routing knows of one dossier."""

from __future__ import annotations

from datetime import datetime

import msgspec

from services.shared.consultations import Answer, Consultation, Question, paired
from services.shared.lifecycle import Tracked


class FixedWorkflow(msgspec.Struct, frozen=True):
    """The workflow, in one version, that the dossier goes through. Fixed when it is routed."""

    workflow: str
    version: int
    steps: tuple[str, ...]
    rule: str
    told: str = ""
    """The beginning of the id of an import's fact that says so."""


class StepRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step that was started."""

    ordinal: int
    step: str
    started_at: datetime
    unit: str
    lead: str
    completed_at: datetime | None = None
    completed_by: str | None = None
    begun: str = ""
    """The beginning of the id of an import's fact that started it."""
    done: str = ""
    """The same of its completion."""

    @property
    def end_alone(self) -> bool:
        """Whether only its completion is known: an older system may not tell its start."""
        same = self.started_at == self.completed_at and self.lead == self.completed_by
        return same and not self.begun


class HandOver(msgspec.Struct, frozen=True):
    """The dossier went from one unit to another."""

    at: datetime
    id: str
    to_unit: str
    reason: str
    lead: str


class Reassignment(msgspec.Struct, frozen=True):
    """An open step got another lead."""

    at: datetime
    id: str
    lead: str
    ordinal: int
    """The ordinal of the step that got it; the next step has a lead of its own."""


class Routing(Tracked, frozen=True):
    """One dossier as routing sees it. Every list is in event-time order."""

    code: str = ""
    procedure: str | None = None
    receiving_unit: str | None = None
    place: str | None = None
    routed_unit: str | None = None
    """The competent authority that the rules named."""
    plan: FixedWorkflow | None = None
    steps: tuple[StepRecord, ...] = ()
    hand_overs: tuple[HandOver, ...] = ()
    reassignments: tuple[Reassignment, ...] = ()
    questions: tuple[Question, ...] = ()
    answers: tuple[Answer, ...] = ()
    unroutable: str | None = None
    outcome: str | None = None
    returned_at: datetime | None = None
    returned_by_unit: str | None = None

    @property
    def handling_unit(self) -> str | None:
        """The unit that handles the dossier now."""
        return self.hand_overs[-1].to_unit if self.hand_overs else self.routed_unit

    @property
    def unit_in_charge(self) -> str | None:
        """The unit that handles the dossier or, before one is found, the one that took it in."""
        return self.handling_unit or self.receiving_unit

    @property
    def consultations(self) -> tuple[Consultation, ...]:
        """Questions to other authorities, with their answers; in event-time order."""
        return paired(self.questions, self.answers)

    @property
    def open_step(self) -> StepRecord | None:
        """The step that is being worked on: the one started last, unless it is completed."""
        if not self.steps or self.steps[-1].completed_at is not None:
            return None
        return self.steps[-1]

    @property
    def lead(self) -> str | None:
        """The one named lead of the open step."""
        step = self.open_step
        if step is None:
            return None
        since = step.started_at
        later = [
            (r.at, r.id, r.lead)
            for r in self.reassignments
            if r.at >= since and r.ordinal == step.ordinal
        ]
        # A hand-over to the step's own unit at the instant of its start came before it.
        later += [
            (o.at, o.id, o.lead)
            for o in self.hand_overs
            if o.at > since or (o.at == since and o.to_unit != step.unit)
        ]
        return max(later)[2] if later else step.lead
