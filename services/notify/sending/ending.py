"""How a message that is due ends without being handed to anybody, or why it waits. Pure.

A message expires when what it tells of is not worth telling any more. A live city looks at the
clock. In a stream told time says nothing about providers: ninety minutes of it may take a second,
in which a mail server is started anew. There a message is tried once whatever time is told, and
after that for as long as it had to live, in real seconds since its first try. So a provider that is
back soon gets it at any speed, and for one that never comes back nobody waits for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from datetime import datetime

from contracts.events import notify
from contracts.events.notify import MessageChannel, NotSentReason
from services.notify.delivery.delivery import Delivery
from services.notify.quiet_hours import QuietHours, clock_time
from services.notify.sending.outbox import DueMessage
from services.notify.sending.reporter import End, not_sent


def premature_end(
    due: DueMessage,
    channels: Container[str],
    *,
    streamed: bool,
    tried: float | None,
    detail: str | None = None,
) -> End | None:
    """None if the message is still to be handed over.

    `channels` are those that somebody carries. `tried` is for how many real seconds the message
    has been tried in vain, None if it was not tried; `detail` is what came of it.
    """
    message = due.message
    channel = MessageChannel(message.channel)
    if _expired(message, due.now, tried, streamed=streamed):
        return not_sent(message, NotSentReason.EXPIRED, detail)
    for stopped_at, reason in (
        (due.taken_back_at, NotSentReason.TAKEN_BACK),
        (due.called_off_at, NotSentReason.OPTED_OUT),
    ):
        # What may have arrived is told to its end, so that it can be taken back.
        if stopped_at is None or due.unsure:
            continue
        assert message.due_at is not None
        # In a stream it would have been sent at once when it was due.
        if not streamed or stopped_at < message.due_at:
            return not_sent(message, reason)
    if due.notice is not None and due.notice.not_sent is not None and not due.unsure:
        return not_sent(message, NotSentReason.TAKEN_BACK)
    if channel is MessageChannel.LEDGER:
        return notify.MessageSent(message_id=message.message_id, channel=channel, provider="ledger")
    if channel not in channels:
        detail = f"no provider is set up for {channel}"
        return not_sent(message, NotSentReason.REJECTED, detail)
    return None


def _expired(message: Delivery, now: datetime, tried: float | None, *, streamed: bool) -> bool:
    if message.expires_at is None:
        return False
    if not streamed:
        return message.expires_at <= now
    assert message.due_at is not None
    return tried is not None and tried >= (message.expires_at - message.due_at).total_seconds()


def must_wait(due: DueMessage, *, streamed: bool, lets_by: Callable[[Delivery], bool]) -> bool:
    """Whether it is not its turn yet, though it is due.

    One recipient hears of a dossier in the order in which things happened: what goes before it
    comes to its end first, whatever that is, and what takes a message back is decided once it is
    folded how that one ended. And what is late is not sent at night: planned for the day, it was
    entered late, or its provider was away. A stream's messages have the time at which they were
    due, whenever they are sent.

    `lets_by` tells what holds up nothing any more: it has ended, which is not folded yet, or was
    tried in vain for too long.
    """
    if due.notice is not None and due.notice.pending:
        return True
    if _sleeps(due.message, due.now, streamed):
        return True
    # What is held until the morning holds up nothing that may be told at night.
    return any(not lets_by(m) and not _sleeps(m, due.now, streamed) for m in due.earlier)


def _sleeps(message: Delivery, now: datetime, streamed: bool) -> bool:
    if streamed or message.quiet_from is None or message.quiet_until is None:
        return False
    quiet = QuietHours(clock_time(message.quiet_from), clock_time(message.quiet_until))
    return quiet.over(now) > now
