"""What became of each message of a dossier: pending, sent, or not sent and why. Pure."""

from __future__ import annotations

from datetime import datetime

import msgspec

from contracts import notify
from contracts.envelope import Event


class Delivery(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message."""

    message_id: str
    channel: str
    planned_at: datetime | None = None
    citizen: str | None = None
    template: str | None = None
    locale: str = "vi"
    params: dict[str, str] = {}
    ended_at: datetime | None = None
    not_sent: str | None = None
    detail: str | None = None

    @property
    def pending(self) -> bool:
        """Whether it is still to be sent."""
        return self.planned_at is not None and self.ended_at is None


class Deliveries(msgspec.Struct, frozen=True):
    """All messages of one dossier, by id."""

    messages: dict[str, Delivery] = {}
    pending: int = 0
    """How many are still to be sent; an index finds the dossiers that have any."""


def deliveries_after(state: Deliveries, fact: Event) -> Deliveries:
    """The deliveries after a fact about one of them; an end stands, whatever comes later."""
    data = fact.data
    replace = msgspec.structs.replace
    match data:
        case notify.MessagePlanned():
            known = state.messages.get(data.message_id) or Delivery(data.message_id, data.channel)
            message = replace(
                known,
                planned_at=fact.time,
                citizen=data.citizen,
                template=data.template,
                locale=data.locale,
                params=data.params,
            )
        case notify.MessageSent() | notify.MessageNotSent():
            known = state.messages.get(data.message_id) or Delivery(data.message_id, data.channel)
            if known.ended_at is not None:
                return state
            message = replace(known, ended_at=fact.time)
            if isinstance(data, notify.MessageNotSent):
                message = replace(message, not_sent=data.reason, detail=data.detail)
        case _:
            return state
    messages = {**state.messages, message.message_id: message}
    return Deliveries(messages, sum(m.pending for m in messages.values()))
