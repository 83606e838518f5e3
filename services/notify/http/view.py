"""A dossier as notify shows it: what the citizen was told, and what became of it."""

from __future__ import annotations

from datetime import datetime

from typing_extensions import TypedDict

from services.notify.delivery.delivery import Deliveries
from services.notify.dossier.state import Notify
from services.runtime import described
from services.shared.lifecycle import PublicStatus


@described
class MessageView(TypedDict):
    """A message about the dossier, or the reason why there is none."""

    id: str
    at: datetime
    template: str
    channel: str
    outcome: str
    """``pending``, ``sent``, ``written down``, or ``not sent:`` and the reason."""


@described
class DossierView(TypedDict):
    """A dossier as notify sees it. It names no citizen. Times are UTC."""

    code: str
    status: PublicStatus | None
    status_name: str | None
    """The name of the status in lower case, e.g. ``in_process``."""
    procedure: str | None
    unit: str | None
    """The unit that has the dossier."""
    due: datetime | None
    messages: list[MessageView]
    """In the order of time and id."""


def view(code: str, state: Notify, deliveries: Deliveries | None) -> DossierView:
    """Return notify's own view of a dossier. It names no citizen."""
    status = state.status
    ends = deliveries.messages if deliveries else {}
    messages: list[MessageView] = []
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
        "status": status,
        "status_name": None if status is None else status.word,
        "procedure": state.procedure,
        "unit": state.unit,
        "due": state.due,
        "messages": messages,
    }
