"""Who a message is for, as far as sending goes."""

from __future__ import annotations

from contracts.events.notify import MessageChannel
from services.notify.contacts.telling import Recipient, recipient
from services.notify.delivery.delivery import Delivery


def recipient_of(message: Delivery) -> Recipient:
    """Return who is told by a message, and by what channel."""
    assert message.recipient is not None
    return recipient(
        message.recipient, message.audience, MessageChannel(message.channel), message.template
    )
