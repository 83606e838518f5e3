"""Sends due messages: finds them, hands them to providers, and publishes what became of them.

That a message was sent is a fact on the log, folded by the delivery engine like every fact. Before
an instance sends anything of a partition, it has folded everything that stood in the log at the
take-over. So it knows every message that another instance sent and told of. What a provider
accepted and could not be told of is handed to the same provider again, with the same idempotency
key. SMTP knows no such key, so the recipient may then get it twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from contracts.events.notify import MessageChannel
from services.notify import metrics
from services.notify.channels.providers import Providers
from services.notify.channels.settings import ChannelSettings
from services.notify.channels.setup import set_up
from services.notify.contacts.addresses import Address, Addresses
from services.notify.delivery.delivery import Deliveries, Delivery
from services.notify.sending.assignment import Assigner, Assignment
from services.notify.sending.courier import Courier
from services.notify.sending.handoff_log import HandoffLog
from services.notify.sending.outbox import DueMessage, Outbox
from services.notify.sending.reporter import End, Reporter
from services.notify.sending.retries import Retries
from services.notify.sending.selection import Selection, SendingState
from services.notify.sending.unreachable import UnreachableRecipients
from services.notify.settings import NotifySettings
from services.notify.stream_time import StreamTime
from services.notify.wording.renderer import Renderer
from services.runtime import (
    REFUSED_RECORD,
    ClockKind,
    Engine,
    Offsets,
    Running,
    group_of,
    is_transient,
    patiently,
)

log = structlog.get_logger("motcua.sender")

_PAUSE_EACH, _LONGEST_PAUSE = 0.001, 2.0
"""Seconds between two searches of a channel, in addition to `look_every`, for each message that was
found and has to wait: searching costs time, and no other channel pays for it."""
_BACKLOG = 1000
"""If more have to wait, a tenth of that pause is kept though there is room for more."""
_COUNT_EVERY = 5.0
"""Seconds between two counts of what is due."""

_AWAY_MOST = 1.0
"""The most seconds between two searches while broker or database are away."""


@dataclass(frozen=True)
class Supplies:
    """What messages are made of and where they go: built once for the service."""

    deliveries: Engine[Deliveries]
    addresses: Addresses
    offsets: Offsets
    """The sender closes it when it ends."""
    renderer: Callable[[], Renderer]
    channels: Callable[[ChannelSettings, asyncio.Event], Mapping[str, Providers]] = set_up
    """Makes the channels; the event is set when the sender stops."""


class Sender:
    """The one sender of an instance, over the partitions that its delivery engine owns."""

    def __init__(self, running: Running[NotifySettings], supplies: Supplies) -> None:
        settings = running.settings
        self._deliveries = supplies.deliveries
        self._supervised = running.tasks
        self._stopping = asyncio.Event()
        self._search_every = settings.look_every
        self._offsets = supplies.offsets
        self._ticks: StreamTime | None = None
        if settings.clock is ClockKind.STREAM:
            self._ticks = StreamTime(settings.kafka, settings.partitions, running.kafka)
        clock = self._ticks.clock if self._ticks else running.clock
        self._handoffs = HandoffLog(running.database["handed"])
        self._outbox = Outbox(
            running.database, clock, self._handoffs, streamed=self._ticks is not None
        )
        self._channels = supplies.channels(settings, self._stopping)
        self._reporter = Reporter(running, self._stopping)
        self._retries = Retries()
        self._unreachable = UnreachableRecipients()
        self._known = SendingState(
            self._channels,
            self._retries,
            self._unreachable,
            self._reporter.ended,
            self._reporter.streamed,
        )
        self._assigning = Assigner(self._channels, self._handoffs, self._retries)
        self._addresses = supplies.addresses
        self._courier = Courier(
            supplies.renderer,
            self._addresses,
            self._handoffs,
            self._reporter,
            self._retries,
            self._unreachable,
            running.faults,
        )
        self._prepared = False
        self._counted = 0.0
        self._more: set[str] = set()
        """Channels on which the last search did not find all due messages, or found one that waits
        for a message on its way: more can be started as soon as there is room."""
        self._next_search: dict[str, float] = {}
        self._first_search: dict[str, float] = {}
        """When each channel is searched again, and the earliest time for it once there is room (at
        once if missing)."""
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way: dict[str, Delivery] = {}
        """The messages that are being sent, or wait for their turn."""
        self._going: set[str] = set()
        """Those of them that a provider may have by now, or whose end is being told."""
        self._idle = asyncio.Event()
        self._idle.set()

        # The end of what a provider was given is told before another instance takes over.
        self._deliveries.ownership.before_leaving.append(self._idle.wait)

    def stop(self) -> None:
        """Ask `run` to return; what is under way is finished first."""
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Send what is due until asked to stop."""
        following = []
        if self._ticks is not None:
            following.append(self._supervised.start(self._ticks.follow(), "ticks"))
        try:
            while not self._stopping.is_set():
                self._wake.clear()
                await patiently(self._search, most=_AWAY_MOST, stopping=self._stopping)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), timeout=self._search_every)
        finally:
            self._stopping.set()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._supervised.stop(*following)
            for channel in self._channels.values():
                await channel.close()
            await self._offsets.stop()

    async def _search(self) -> None:
        """Start as many due messages as there is room for."""
        if self._stopping.is_set():
            return
        if not self._prepared:
            await self._outbox.prepare()
            await self._handoffs.prepare()
            self._prepared = True
        await self._handoffs.tidy()
        partitions = await self._caught_up()
        now = time.monotonic()
        if now - self._counted > _COUNT_EVERY:
            self._counted = now
            metrics.PENDING.set(await self._outbox.dossiers(partitions))
        if await self._outbox.any_due(partitions):
            for name in MessageChannel:
                if self._next_search.get(name, now) <= now:
                    waiting = await self._search_channel(name, partitions)
                    pause = min(_LONGEST_PAUSE, _PAUSE_EACH * waiting)
                    ended = time.monotonic()
                    self._next_search[name] = ended + pause
                    self._first_search[name] = ended + (pause / 10 if waiting > _BACKLOG else 0.0)
            return
        self._reporter.clear()
        self._retries.clear()
        self._unreachable.clear()
        self._next_search.clear()
        for name in MessageChannel:
            metrics.OLDEST.labels(name).set(0.0)
            metrics.UNREACHED.labels(name).set(0)

    async def _search_channel(self, channel: str, partitions: set[int]) -> int:
        """Search one channel, so that what waits there holds up no other; return how many wait."""
        room = self._room(channel)
        if room == 0:
            return 0
        under_way = [m for m in self._under_way.values() if m.channel == channel]
        selection = Selection(
            self._known, self._channels.get(channel), room, under_way, time.monotonic()
        )
        self._more.add(channel)
        async for due in self._outbox.due(channel, partitions):
            if selection.enough(due):
                break
        else:
            # All was seen: any other is folded as ended, or another instance's by now.
            if not selection.follows:
                self._more.discard(channel)
            self._reporter.keep(channel, selection.seen)
            self._retries.keep(channel, selection.seen)
            self._unreachable.keep(channel, selection.unreachable)
        metrics.OLDEST.labels(channel).set(selection.oldest)
        metrics.UNREACHED.labels(channel).set(self._unreachable.unreached(channel))
        for due, end in selection.ends:
            self._start(due.message, self._finish(due, end))
        if selection.starts:
            await self._begin(selection.starts)
        return selection.waiting

    async def _begin(self, starts: Sequence[DueMessage]) -> None:
        known = await self._addresses.known({due.destination for due in starts})
        addressed: list[tuple[DueMessage, Address]] = []
        for due in starts:
            if (address := known.get(due.destination)) is not None:
                addressed.append((due, address))
            else:
                self._start(due.message, self._look_up(due))
        for work in await self._assigning.works(addressed):
            self._start(work.due.message, self._send(work))

    async def _caught_up(self) -> set[int]:
        """Return the owned partitions whose log up to the take-over is folded."""
        engine = self._deliveries
        group = group_of(engine.decider.name, engine.decider.topic)
        return await engine.progress.caught_up(engine.ownership.owned, self._offsets, group)

    def _room(self, name: str) -> int | None:
        """Return how many more messages may be started on a channel.

        None if it cannot take any, now or ever: all that can be done is to end messages that are
        not worth telling any more.
        """
        channel = self._channels.get(name)
        if channel is None or channel.opens() > 0:
            return None
        return max(0, channel.room - self._taken(name))

    def _taken(self, name: str) -> int:
        return sum(message.channel == name for message in self._under_way.values())

    def _start(self, message: Delivery, doing: Coroutine[None, None, None]) -> None:
        message_id = message.message_id
        self._under_way[message_id] = message
        task = self._supervised.start(doing, f"message {message_id}", ends=True)
        self._tasks.add(task)

        def done(_: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            del self._under_way[message_id]
            self._going.discard(message_id)
            if not self._going:
                self._idle.set()
            if (channel := self._channels.get(message.channel)) is None:
                return
            if message.channel in self._more and self._taken(message.channel) <= channel.room // 2:
                self._next_search[message.channel] = self._first_search.get(message.channel, 0.0)
                self._wake.set()

        task.add_done_callback(done)

    async def _finish(self, due: DueMessage, end: End) -> None:
        with self._guarded(due.message):
            if self._may_go(due):
                await self._reporter.report(due, end)

    async def _look_up(self, due: DueMessage) -> None:
        with self._guarded(due.message):
            await self._courier.look_up(due, lambda: self._may_go(due))

    async def _send(self, work: Assignment) -> None:
        with self._guarded(work.due.message):
            await self._courier.carry(work, lambda: self._may_go(work.due))

    @contextlib.contextmanager
    def _guarded(self, message: Delivery) -> Iterator[None]:
        """Catch what one message raises, so that it stops no other."""
        try:
            yield
        except Exception as error:
            if is_transient(error):
                self._retries.put_off(message, repr(error))
                return
            if _is_defect(error):
                self._supervised.fail(error)
                return
            log.exception("cannot be sent", message_id=message.message_id)
            self._retries.put_off(message, repr(error), stuck=True)

    def _may_go(self, due: DueMessage) -> bool:
        """Return whether this instance may still send or tell; act on it without waiting."""
        if self._stopping.is_set() or due.partition not in self._deliveries.ownership.owned:
            return False
        self._going.add(due.message.message_id)
        self._idle.clear()
        return True


def _is_defect(error: Exception) -> bool:
    """Return whether broker or database refuse what every message needs, not just this one."""
    return isinstance(error, (KafkaError, PyMongoError)) and not isinstance(error, REFUSED_RECORD)


@asynccontextmanager
async def sending(running: Running[NotifySettings], supplies: Supplies) -> AsyncIterator[None]:
    """Run a sender as long as the service runs."""
    sender = Sender(running, supplies)
    task = running.tasks.start(sender.run(), "sender")
    try:
        yield
    finally:
        sender.stop()
        await running.tasks.stop(task, cancel=False)
