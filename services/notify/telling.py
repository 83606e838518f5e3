"""Says on the log what became of a message."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime

import structlog
from aiokafka.errors import KafkaError

from contracts import notify
from contracts.envelope import Event, derive_id
from contracts.notify import MessageChannel, NotSentReason
from services.notify import metrics
from services.notify.channels.redact import redacted
from services.notify.delivery import Delivery
from services.notify.outbox import Due
from services.runtime.service import Running
from services.runtime.settings import ClockKind

log = structlog.get_logger("motcua.sender")

End = notify.MessageSent | notify.MessageNotSent


class Teller:
    """Tells the end of messages, and remembers which were told of."""

    def __init__(self, running: Running, stopping: asyncio.Event) -> None:
        self._running = running
        self._stopping = stopping
        self.streamed = running.settings.clock is ClockKind.STREAM
        self.ended: dict[str, str] = {}
        """Messages that ended here, and their channels, until the delivery engine has folded it."""
        self._waiting: dict[str, Event] = {}
        self._turn = asyncio.Lock()

    async def tell(self, due: Due, end: End) -> None:
        """Returns once it stands on the log: what was accepted must be told of.

        Raises what the broker's absence raises if the service ends before that.
        """
        message = due.message
        event = Event(
            id=derive_id(message.message_id, end.NAME),
            source="/motcua/notify/sender",
            subject=due.dossier,
            time=self._time(message, end),
            data=end,
            cause=message.message_id,
        )
        self.ended[message.message_id] = message.channel
        self._waiting[event.id] = event
        async with self._turn:
            if event.id in self._waiting:  # else it went with another's
                await self._publish_waiting()
        outcome = "sent"
        if isinstance(end, notify.MessageNotSent):
            outcome = str(end.reason)
        elif end.channel is MessageChannel.SMS:
            metrics.PARTS.labels(end.provider).inc(end.parts)
        metrics.MESSAGES.labels(message.channel, outcome).inc()
        self._running.faults.passing("message-told")

    def keep(self, channel: str, message_ids: Collection[str]) -> None:
        """Of the channel's messages, only these are not folded yet."""
        self.ended = {
            key: its for key, its in self.ended.items() if its != channel or key in message_ids
        }

    async def _publish_waiting(self) -> None:
        """All that waits goes in one write: many messages end while one is being told of."""
        batch, self._waiting = self._waiting, {}
        pause = 0.1
        while True:
            try:
                return await self._running.producer.publish(batch.values())
            except (KafkaError, OSError, TimeoutError) as error:
                if self._stopping.is_set():
                    self._waiting = batch | self._waiting  # nobody else takes theirs for told
                    log.error("sent messages are not told of", messages=len(batch))
                    raise  # they will be handed over again, with the same keys
                log.warning("cannot tell of messages yet", error=repr(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
            except BaseException:
                self._waiting = batch | self._waiting
                raise

    def _time(self, message: Delivery, end: End) -> datetime:
        """When it came to its end. In a replay that follows from the message alone."""
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
    """The end of a message that nobody was handed, or that was refused."""
    return notify.MessageNotSent(
        message_id=message.message_id,
        channel=MessageChannel(message.channel),
        reason=reason,
        detail=redacted(detail) if detail else None,
    )
