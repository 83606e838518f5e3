"""Finds the messages that are due on a channel, in the partitions of this instance."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.events.notify import MessageChannel
from services.notify.contacts.addresses import Destination
from services.notify.delivery.delivery import Deliveries, Delivery
from services.notify.delivery.recipient import recipient_of
from services.notify.delivery.send_order import in_send_order
from services.notify.sending.handoff_log import HandoffLog
from services.runtime import Clock, Database, state_of


@dataclass(frozen=True, slots=True)
class DueMessage:
    """A message that may be sent."""

    dossier: str
    partition: int
    now: datetime
    """The partition's time when the message was found."""
    message: Delivery
    taken_back_at: datetime | None = None
    """When the message that takes this one back was planned; None if none was."""
    notice: Delivery | None = None
    """The message that this one takes back, if it is one of this dossier."""
    unsure: bool = False
    """Whether the message that proved wrong or was called off (this one, or the one that it takes
    back) may have arrived, though no fact says that it was sent."""
    earlier: tuple[Delivery, ...] = ()
    """What is due to the same recipient on the same channel, and goes before this message."""
    called_off_at: datetime | None = None
    """When the citizen opted out of the message; None if they did not."""

    @property
    def destination(self) -> Destination:
        """Where it goes."""
        return Destination(recipient_of(self.message), self.dossier)

    @property
    def waited(self) -> float:
        """Seconds since the message could have been sent."""
        assert self.message.due_at is not None
        return (self.now - self.message.due_at).total_seconds()


class Outbox:
    """The deliveries' states, by when their first message on a channel may be sent.

    What is held until the morning is not looked at before then, and what has ended never again.
    """

    def __init__(
        self, database: Database, clock: Clock, handoffs: HandoffLog, *, streamed: bool = False
    ) -> None:
        """`streamed`: a message counts as sent when it was due, whenever it is really sent."""
        self._streamed = streamed
        self._collection = database["deliveries"]
        self._clock = clock
        self._handoffs = handoffs

    async def prepare(self) -> None:
        """Make the indexes; a second time does nothing."""
        pending = {"state.pending": {"$gt": 0}}
        await self._collection.create_index(
            [("p", 1), ("state.next_at", 1)], name="next", partialFilterExpression=pending
        )
        for channel in MessageChannel:
            field = f"state.next_on.{channel}"
            await self._collection.create_index(
                [("p", 1), (field, 1)],
                name=f"next-{channel}",
                partialFilterExpression={field: {"$exists": True}},
            )

    async def any_due(self, partitions: set[int]) -> bool:
        """Return whether anything is due, on any channel."""
        for _, query in self._queries(partitions, "state.next_at"):
            pending = {**query, "state.pending": {"$gt": 0}}
            if await self._collection.find_one(pending, {"_id": 1}) is not None:
                return True
        return False

    async def due(self, channel: str, partitions: set[int]) -> AsyncIterator[DueMessage]:
        """Yield every message that is due on the channel, by its partition's clock.

        The dossier that has been due longest comes first; a dossier's messages come in send order.
        """
        field = f"state.next_on.{channel}"
        for now, query in self._queries(partitions, field):
            async for document in self._collection.find(query).sort(field, 1):
                state = state_of(document, Deliveries)
                messages = state.messages
                wrong = {m.takes_back: m.planned_at for m in messages.values()}
                ready = in_send_order(messages, channel, now)
                notices = [m.takes_back or m.message_id for m in ready]
                off = {
                    m.message_id: state.called_off_at(m, m.due_at if self._streamed else None)
                    for m in ready
                }
                # Hardly any dossier has a message that was taken back or called off.
                doubted = [notice for notice in notices if notice in wrong or off.get(notice)]
                handed = await self._handoffs.has(doubted)
                for place, (message, notice) in enumerate(zip(ready, notices, strict=True)):
                    yield DueMessage(
                        document["_id"],
                        document["p"],
                        now,
                        message,
                        wrong.get(message.message_id),
                        messages.get(message.takes_back or ""),
                        notice in handed,
                        _to_the_same(message, ready[:place]),
                        off[message.message_id],
                    )

    async def dossiers(self, partitions: set[int]) -> int:
        """Return how many dossiers have a message that is due."""
        counts = [
            await self._collection.count_documents({**query, "state.pending": {"$gt": 0}})
            for _, query in self._queries(partitions, "state.next_at")
        ]
        return sum(counts)

    def _queries(
        self, partitions: set[int], field: str
    ) -> Iterator[tuple[datetime, dict[str, Any]]]:
        by_time: dict[datetime, list[int]] = {}
        for partition in sorted(partitions):
            by_time.setdefault(self._clock.now(partition), []).append(partition)
        for now, mine in by_time.items():
            yield now, {"p": {"$in": mine}, field: {"$lte": now}, "hold": None}


def _to_the_same(message: Delivery, earlier: Sequence[Delivery]) -> tuple[Delivery, ...]:
    if not earlier:
        return ()
    receiver = recipient_of(message)
    return tuple(each for each in earlier if recipient_of(each) == receiver)
