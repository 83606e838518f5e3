"""The order in which a dossier's messages go out on one channel. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from services.notify.delivery.delivery import Delivery


def in_send_order(messages: Mapping[str, Delivery], channel: str, now: datetime) -> list[Delivery]:
    """Return the messages that are due on the channel, in the order to send them.

    Messages held for the morning go in the order of what happened. A message that takes another
    back goes after it, whatever was known first.
    """
    due = [
        message
        for message in messages.values()
        if message.channel == channel and message.due_at is not None and message.due_at <= now
    ]

    def turn(message: Delivery) -> tuple[datetime, datetime, str, str]:
        notice = messages.get(message.takes_back or "")
        if notice is None or not notice.pending:
            return _own(message)
        return max(_own(message), (*_own(notice)[:3], message.message_id))

    return sorted(due, key=turn)


def _own(message: Delivery) -> tuple[datetime, datetime, str, str]:
    assert message.due_at is not None
    assert message.planned_at is not None
    return message.due_at, message.planned_at, message.message_id, ""
