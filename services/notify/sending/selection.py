"""Which of a channel's due messages are started now, in one search. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from random import Random

from services.notify.channels.providers import Providers
from services.notify.contacts.telling import Recipient
from services.notify.delivery.delivery import Delivery
from services.notify.delivery.recipient import recipient_of
from services.notify.sending.ending import must_wait, premature_end
from services.notify.sending.outbox import DueMessage
from services.notify.sending.reporter import End
from services.notify.sending.retries import Retries
from services.notify.sending.unreachable import UnreachableRecipients

_ENDS = 200
"""A search ends at most this many of a channel's messages without sending them. On a channel that
cannot take messages now it looks at this many, and not at a backlog of perhaps hours."""
_DRAWN_FROM = 1000
"""A failing provider is tried by one message, drawn from at most this many."""


@dataclass(frozen=True)
class SendingState:
    """What an instance knows of the messages that it sends."""

    channels: Mapping[str, Providers]
    retries: Retries
    unreachable: UnreachableRecipients
    ended: Callable[[Delivery], bool]
    """Returns whether a message ended here, and that is not folded yet."""
    streamed: bool
    draw: Random = field(default_factory=Random)


@dataclass
class _Lot:
    """A place among the started messages, and how many equal candidates it was drawn from."""

    place: int
    alike: int = 1


class Selection:
    """Is shown the due messages, the longest due first, until it has seen enough."""

    def __init__(
        self,
        known: SendingState,
        channel: Providers | None,
        room: int | None,
        under_way: Collection[Delivery],
        now: float,
    ) -> None:
        """`room`: messages that may be started on the channel. None: it cannot take any, now or
        ever, and all that can be done is to end messages that are not worth telling any more.
        `under_way`: the channel's messages that are being sent already.
        """
        self.starts: list[DueMessage] = []
        self.ends: list[tuple[DueMessage, End]] = []
        self.waiting = 0
        """How many have to wait."""
        self.follows = False
        """Whether one of them waits for a message that is on its way."""
        self.oldest = 0.0
        """Seconds for which the oldest message has been due that has not ended, and whose recipient
        can be reached, as far as is known."""
        self.seen: set[str] = set()
        self.unreachable: set[Recipient] = set()
        self._known = known
        self._channel = channel
        self._room = room
        self._now = now
        self._left = _ENDS
        self._going = {message.message_id for message in under_way}
        self._busy = Counter(recipient_of(message) for message in under_way)
        self._single = channel is not None and channel.failing
        self._drawn_from = 0
        self._lots: dict[Recipient | None, _Lot] = {}

    def enough(self, due: DueMessage) -> bool:
        """Consider a message; return whether no more need be shown."""
        message = due.message
        self.seen.add(message.message_id)
        self.unreachable.add(recipient_of(message))
        if self._known.ended(message) or message.message_id in self._going:
            return False
        if not self._known.unreachable.doubted(recipient_of(message)):
            self.oldest = max(due.waited, self.oldest)
        if (end := self._end(due)) is not None:
            self.ends.append((due, end))
            self._going.add(message.message_id)
            self._left -= 1
        elif self._room and self._may_start(due):
            self._start(due)
        else:
            self.waiting += 1
            self._left -= self._room is None
        full = self._drawn_from == _DRAWN_FROM if self._single else len(self.starts) == self._room
        return full or self._left == 0

    def _end(self, due: DueMessage) -> End | None:
        return premature_end(
            due,
            self._known.channels,
            streamed=self._known.streamed,
            tried=self._known.retries.tried(due.message.message_id, self._now),
            detail=self._known.retries.detail(due.message.message_id),
        )

    def _may_start(self, due: DueMessage) -> bool:
        known, receiver = self._known, recipient_of(due.message)
        if known.unreachable.rests(receiver, self._now):
            return False
        if known.retries.waits(due.message.message_id, self._now):
            return False
        if self._waits_for_others(due):
            self.follows = self.follows or any(m.message_id in self._going for m in due.earlier)
            return False
        assert self._channel is not None
        if self._busy[receiver] >= (
            1 if known.unreachable.doubted(receiver) else self._channel.each
        ):
            self.follows = True
            return False
        return True

    def _waits_for_others(self, due: DueMessage) -> bool:
        retries, ended = self._known.retries, self._known.ended
        return must_wait(
            due,
            streamed=self._known.streamed,
            lets_by=lambda m: ended(m) or retries.lets_by(m.message_id, self._now),
        )

    def _start(self, due: DueMessage) -> None:
        receiver = recipient_of(due.message)
        if self._single:
            self._drawn_from += 1
            self._draw(None, due)
        elif self._known.unreachable.doubted(receiver):
            self._draw(receiver, due)
        else:
            self.starts.append(due)
            self._going.add(due.message.message_id)
            self._busy[receiver] += 1

    def _draw(self, of: Recipient | None, due: DueMessage) -> None:
        """Choose the single message that tries a failing provider, or a recipient in doubt.

        Choose one that failed least, and among these at random. Otherwise a few messages that are
        refused for what they are (a text, a number) would be in the way of all the others.
        """
        lot = self._lots.get(of)
        if lot is None:
            self._lots[of] = _Lot(len(self.starts))
            self.starts.append(due)
            return
        self.waiting += 1
        self.follows = True
        drawn = self.starts[lot.place]
        if self._failures(due) > self._failures(drawn):
            return
        lot.alike = 1 if self._failures(due) < self._failures(drawn) else lot.alike + 1
        if self._known.draw.randrange(lot.alike) == 0:
            self.starts[lot.place] = due

    def _failures(self, due: DueMessage) -> int:
        return self._known.retries.failures(due.message.message_id)
