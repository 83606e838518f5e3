"""A dossier as notify shows it: what the citizen was told, and what became of it."""

from __future__ import annotations

from typing import Any

from services.notify.delivery.delivery import Deliveries
from services.notify.dossier.state import Notify


def view(code: str, state: Notify, deliveries: Deliveries | None) -> dict[str, Any]:
    """Notify's own view of a dossier. It names no citizen."""
    status = state.status
    ends = deliveries.messages if deliveries else {}
    messages = []
    for message in state.messages:
        end = ends.get(message.message_id)
        why_not = message.not_sent or (end.not_sent if end else None)
        if why_not:
            outcome = f"not sent: {why_not}"
        elif message.channel == "ledger":
            outcome = "written down"
        else:
            outcome = "sent" if end and end.ended_at else "pending"
        messages.append(
            {
                "id": message.message_id,
                "at": message.at,
                "template": message.template,
                "channel": message.channel,
                "outcome": outcome,
            }
        )
    return {
        "code": code,
        "status": None if status is None else int(status),
        "status_name": None if status is None else status.name.lower(),
        "procedure": state.procedure,
        "unit": state.unit,
        "due": state.due,
        "messages": messages,
    }
