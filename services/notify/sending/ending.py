"""How a due message ends without a hand-off, or why it waits. Pure.

A message expires when it is no longer worth telling. A live city goes by the clock. In a stream,
told time says nothing about providers: ninety minutes of it may take a second, while a mail server
restarts. There a message is tried once whatever the told time, and then for as long as it had to
live, in real seconds since its first try. So a provider that is soon back gets it at any speed, and
nothing waits for ever for one that never comes back.
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
    """Return how a message ends without a hand-off; None if it is still to be handed off.

    `channels` are those with a provider. `tried` is the real seconds since the first vain try, None
    if there was none; `detail` is what came of the last one.
    """
    message = due.message
    channel = MessageChannel(message.channel)
    if _expired(message, due.now, tried, streamed=streamed):
        return not_sent(message, NotSentReason.EXPIRED, detail)
    for stopped_at, reason in (
        (due.taken_back_at, NotSentReason.TAKEN_BACK),
        (due.called_off_at, NotSentReason.OPTED_OUT),
    ):
        # The end of what may have arrived is told, so that it can be taken back.
        if stopped_at is None or due.unsure:
            continue
        assert message.due_at is not None
        # In a stream it would have been sent at the very moment when it was due.
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
    """Return whether the message must still wait, though it is due.

    One recipient hears of a dossier in the order of events: earlier messages end first, in whatever
    way, and what takes a message back is decided once that message's end is folded. A late message
    is not sent at night: it was planned for the day, but entered late, or its provider was away. A
    stream's messages have the time at which they were due, whenever they are sent.

    `lets_by` says of a message that it holds up nothing any more: it has ended, which is not folded
    yet, or was tried in vain for too long.
    """
    if due.notice is not None and due.notice.pending:
        return True
    if _sleeps(due.message, due.now, streamed):
        return True
    # What is held until the morning does not hold up what may be told at night.
    return any(not lets_by(m) and not _sleeps(m, due.now, streamed) for m in due.earlier)


def _sleeps(message: Delivery, now: datetime, streamed: bool) -> bool:
    if streamed or message.quiet_from is None or message.quiet_until is None:
        return False
    quiet = QuietHours(clock_time(message.quiet_from), clock_time(message.quiet_until))
    return quiet.over(now) > now
