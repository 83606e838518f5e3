"""A dossier as routing shows it: who handles it, what is done, what comes next."""

from __future__ import annotations

from typing import Any

from services.routing.state import Routing


def view(code: str, state: Routing) -> dict[str, Any]:
    """Routing's own view of a dossier."""
    step = state.open_step
    status = state.status
    return {
        "code": code,
        "status": None if status is None else int(status),
        "status_name": None if status is None else status.name.lower(),
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
        "outcome": state.outcome,
        "returned_at": state.returned_at,
        "returned_by_unit": state.returned_by_unit,
    }
