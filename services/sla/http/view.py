"""A dossier as sla shows it: what is due when, and what was announced."""

from __future__ import annotations

from typing import Any

from services.sla.dossier.state import Sla


def view(code: str, state: Sla) -> dict[str, Any]:
    """Sla's own view of a dossier. Times are UTC; budgets are working seconds."""
    now = state.assessment
    status = state.status
    return {
        "code": code,
        "status": None if status is None else int(status),
        "status_name": None if status is None else status.name.lower(),
        "unit": state.unit,
        "received_at": state.span.received_at,
        "ended_at": state.span.ended_at,
        "original_due": now.original_due if now else None,
        "due": now.due if now else None,
        "clock": "running" if now and now.running else "stopped",
        "budget_seconds": now.budget if now else None,
        "used_seconds": now.used if now else None,
        "rule": state.rule,
        "letter_by": now.letter_by if now else None,
        "letters": [
            {"at": each.at, "due": each.due, "in_time": each.in_time, "form": each.form}
            for each in state.letters
        ],
        "letter_missing": state.letter_missing,
        "exemption": (
            {"ground": state.exemption.ground, "reason": state.exemption.reason}
            if state.exemption
            else None
        ),
        "late": state.late,
        "deadlines": [{"announced_at": d.at, "due": d.due} for d in state.deadlines],
        "alerts": [
            {
                "kind": a.kind,
                "about": a.about,
                "at": a.at,
                "due": a.due,
                "retracted": a.retracted,
            }
            for a in state.alerts
        ],
    }
