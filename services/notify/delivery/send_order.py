"""In which order a dossier's messages go out on one channel. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from services.notify.delivery.delivery import Delivery


def in_send_order(messages: Mapping[str, Delivery], channel: str, now: datetime) -> list[Delivery]:
    """Those that are due on the channel, first what is to go first.

    What was held for the morning goes in the order in which it happened, and what takes a message
    back after that one, whatever was known when.
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
