"""Publishes what became of a message."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import datetime

import structlog

from contracts.events import notify
from contracts.events.notify import MessageChannel, NotSentReason
from contracts.wire.actor import system
from contracts.wire.envelope import Event, derive_id
from services.notify import metrics
from services.notify.channels.redact import redacted
from services.notify.delivery.delivery import Delivery
from services.notify.sending.outbox import DueMessage
from services.runtime import ClockKind, GroupWriter, Point, Running, Settings, patiently

log = structlog.get_logger("motcua.sender")

End = notify.MessageSent | notify.MessageNotSent


class Reporter:
    """Publishes the end of messages, and remembers which ends it published."""

    def __init__(self, running: Running[Settings], stopping: asyncio.Event) -> None:
        self._running = running
        self._stopping = stopping
        self.streamed = running.settings.clock is ClockKind.STREAM
        self._ended: defaultdict[str, set[str]] = defaultdict(set)
        """By channel: messages that ended here, until the delivery engine has folded it."""
        self._together = GroupWriter(running.producer)

    async def report(self, due: DueMessage, end: End) -> None:
        """Return once the end stands on the log: what was accepted must be told.

        Raise the broker's refusal, or what its absence raises if the service stops meanwhile.
        """
        message = due.message
        time = self._time(message, end)
        event = Event(
            id=derive_id(message.message_id, end.NAME),
            source="/motcua/notify/sender",
            subject=due.dossier,
            time=time,
            data=end,
            cause=message.message_id,
            actor=system("notify"),
            recorded=time,
        )
        self._ended[message.channel].add(message.message_id)
        await self._publish(event)
        outcome = "sent"
        if isinstance(end, notify.MessageNotSent):
            outcome = str(end.reason)
        elif end.channel is MessageChannel.SMS:
            metrics.PARTS.labels(end.provider).inc(end.parts)
        metrics.MESSAGES.labels(message.channel, outcome).inc()
        self._running.faults.passing(Point.MESSAGE_TOLD)

    def ended(self, message: Delivery) -> bool:
        """Return whether the message ended here, and that is not folded yet."""
        return message.message_id in self._ended[message.channel]

    def keep(self, channel: str, message_ids: set[str]) -> None:
        """Forget the channel's ended messages except these, which are not folded yet."""
        self._ended[channel] &= message_ids

    def clear(self) -> None:
        """Forget all ended messages: everything is folded."""
        self._ended.clear()

    async def _publish(self, event: Event) -> None:
        try:
            await patiently(
                lambda: self._together.publish(event),
                stopping=self._stopping,
                saying="cannot tell of a message yet",
            )
        except Exception:
            # It will be handed off again, with the same key.
            log.error("a sent message is not told of", message_id=event.cause)
            raise

    def _time(self, message: Delivery, end: End) -> datetime:
        """Return when the message ended. In a replay that follows from the message alone."""
        if not self.streamed:
            return self._running.clock.now()
        if isinstance(end, notify.MessageNotSent) and end.reason is NotSentReason.EXPIRED:
            assert message.expires_at is not None
            return message.expires_at
        assert message.due_at is not None
        return message.due_at


def not_sent(
    message: Delivery, reason: NotSentReason, detail: str | None = None
) -> notify.MessageNotSent:
    """Return the end of a message that no provider was given, or that was refused."""
    return notify.MessageNotSent(
        message_id=message.message_id,
        channel=MessageChannel(message.channel),
        reason=reason,
        detail=redacted(detail) if detail else None,
    )
