"""Sends what is pending: finds it, sends it, and says so on the log.

Nothing is written to the database here. That a message was sent is a fact on the log, folded
by the delivery engine like every fact. Before an instance sends anything of a partition it has
folded everything that stood in the log when it took the partition over: so it knows of every
message that another instance sent and told of. What was accepted by the server and could not
be told of is sent a second time, with the same Message-ID; over SMTP that cannot be helped.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec
import structlog
from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from contracts import notify
from contracts.envelope import Event, derive_id
from contracts.model import EventData
from contracts.notify import MessageChannel, NotSentReason
from services.notify import metrics
from services.notify.deciders import Contact
from services.notify.delivery import Deliveries, Delivery
from services.notify.render import Renderer, Text
from services.notify.settings import NotifySettings
from services.notify.smtp import NotYet, Rejected, SmtpConnection
from services.runtime.consumer import group_of
from services.runtime.engine import Engine
from services.runtime.offsets import Offsets
from services.runtime.sealing import Sealer, Unreadable
from services.runtime.service import Running
from services.runtime.stored import state_of

log = structlog.get_logger("motcua.sender")

_ROUND = 200
"""How many dossiers with pending messages are looked at together."""
_PAUSE = 0.05
"""Seconds between two looks when nothing is pending; twenty cheap index look-ups a second."""


@dataclass
class _Try:
    """When a message that could not be sent is tried again, by the process's own clock."""

    after: float = 0.0
    pause: float = field(default=0.5)


@dataclass(frozen=True)
class _Work:
    dossier: str
    partition: int
    message: Delivery


class Sender:
    """The one sender of an instance, over the partitions that its delivery engine owns."""

    def __init__(self, running: Running, renderer: Renderer) -> None:
        settings = running.settings
        assert isinstance(settings, NotifySettings)
        self._running = running
        self._renderer = renderer
        self._deliveries: Engine[Deliveries] = running.engines[1]
        self._contacts: Engine[Contact] = running.engines[2]
        self._sealer = Sealer(settings.contact_key)
        self._offsets = Offsets(settings.kafka)
        self._connections = [SmtpConnection(settings) for _ in range(settings.smtp_connections)]
        self._stopping = asyncio.Event()
        self._prepared = False
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._ended: set[str] = set()
        """Messages that ended here, until the delivery engine has folded that they did."""
        self._tries: dict[str, _Try] = {}

        # What was handed to a server is told of before another instance takes over.
        self._deliveries.before_leaving.append(self._idle.wait)

    def stop(self) -> None:
        """Asks `run` to return; what is under way is finished first."""
        self._stopping.set()

    async def run(self) -> None:
        """Sends what is pending until it is asked to stop."""
        try:
            while not self._stopping.is_set():
                try:
                    await self._prepare()
                    sent = await self._round()
                except (KafkaError, PyMongoError, OSError, TimeoutError) as error:
                    log.warning("waiting for broker or database", error=repr(error))
                    sent = 0
                if not sent:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._stopping.wait(), timeout=_PAUSE)
        finally:
            for connection in self._connections:
                await connection.close()
            await self._offsets.stop()

    async def _prepare(self) -> None:
        if not self._prepared:
            await self._running.database["deliveries"].create_index(
                [("p", 1)], name="pending", partialFilterExpression={"state.pending": {"$gt": 0}}
            )
            self._prepared = True

    async def _round(self) -> int:
        partitions = await self._caught_up()
        if not partitions:
            return 0
        work = await self._pending(partitions)
        queue = iter(work)
        # One task a connection, each taking the next message when it is done with one.
        results = await asyncio.gather(
            *(self._drain(connection, queue) for connection in self._connections),
            return_exceptions=True,
        )
        # All have come to rest: a connection has one task, and no message two.
        for failure in (r for r in results if isinstance(r, BaseException)):
            raise failure
        return sum(r for r in results if isinstance(r, int))

    async def _caught_up(self) -> set[int]:
        """Owned partitions in which all that stood in the log at the take-over is folded."""
        engine = self._deliveries
        group = group_of(engine.decider.name, engine.decider.topic)
        return await engine.progress.caught_up(engine.owned, self._offsets, group)

    async def _pending(self, partitions: set[int]) -> list[_Work]:
        waiting = {"p": {"$in": sorted(partitions)}, "state.pending": {"$gt": 0}, "hold": None}
        cursor = self._running.database["deliveries"].find(waiting)
        metrics.PENDING.set(await self._running.database["deliveries"].count_documents(waiting))
        now = time.monotonic()
        found: list[_Work] = []
        unfolded: set[str] = set()
        whole = True
        async for document in cursor:
            if len(found) >= _ROUND:
                whole = False
                break
            for message in state_of(document, Deliveries).messages.values():
                if not message.pending:
                    continue
                if message.message_id in self._ended:
                    unfolded.add(message.message_id)
                    continue
                if (again := self._tries.get(message.message_id)) and again.after > now:
                    continue
                found.append(_Work(document["_id"], document["p"], message))
        if whole:
            self._ended &= unfolded  # the others are folded: the database knows that they ended
        return sorted(found, key=lambda w: (w.dossier, w.message.message_id))

    async def _drain(self, connection: SmtpConnection, queue: Iterator[_Work]) -> int:
        done = 0
        for work in queue:
            if self._stopping.is_set() or work.partition not in self._deliveries.owned:
                continue
            self._under_way += 1
            self._idle.clear()
            try:
                done += await self._one(connection, work.dossier, work.message)
            except (KafkaError, PyMongoError, OSError, TimeoutError):
                raise
            except Exception:
                log.exception("cannot be sent", message_id=work.message.message_id)
                await connection.close()  # it may be in the middle of a mail
                self._later(work.message)
            finally:
                self._under_way -= 1
                if not self._under_way:
                    self._idle.set()
        return done

    async def _one(self, connection: SmtpConnection, dossier: str, message: Delivery) -> bool:
        faults = self._running.faults
        faults.passing("message-picked")
        address = await self._address(message)
        if address is None:
            return False
        if isinstance(address, NotSentReason):
            await self._tell(dossier, message, _not_sent(message, address))
            return True
        assert message.template is not None
        text: Text = self._renderer.render(
            message.template, message.locale, dossier, message.params
        )
        start = time.perf_counter()
        try:
            await connection.send(message.message_id, address, text)
        except NotYet as error:
            self._later(message)
            metrics.RETRIED.labels(message.channel).inc()
            log.warning("not sent yet", message_id=message.message_id, error=str(error))
            return False
        except Rejected as error:
            await self._tell(
                dossier, message, _not_sent(message, NotSentReason.REJECTED, str(error))
            )
            return True
        finally:
            metrics.SEND.labels(message.channel).observe(time.perf_counter() - start)
        faults.passing("message-accepted")
        channel = MessageChannel(message.channel)
        await self._tell(
            dossier, message, notify.MessageSent(message_id=message.message_id, channel=channel)
        )
        return True

    def _later(self, message: Delivery) -> None:
        again = self._tries.setdefault(message.message_id, _Try())
        again.after = time.monotonic() + again.pause
        again.pause = min(again.pause * 2, 60.0)

    async def _address(self, message: Delivery) -> str | NotSentReason | None:
        """Where to send it; why not; or None as long as a contact may still be on its way."""
        assert message.citizen is not None
        document = await self._contacts.store.get(message.citizen)
        if document is None:
            decider = self._contacts.decider
            group = group_of(decider.name, decider.topic)
            if await self._offsets.behind(group, decider.topic):
                return None
            # It may have been folded between the look and the question.
            document = await self._contacts.store.get(message.citizen)
        if document is None:
            return NotSentReason.NO_CONTACT
        contact = state_of(document, Contact)
        if contact.sealed is None:
            return NotSentReason.NO_CONTACT
        try:
            plain = msgspec.json.decode(self._sealer.open(message.citizen, contact.sealed))
        except Unreadable:
            return NotSentReason.NO_CONTACT
        return str(plain["email"])

    async def _tell(self, dossier: str, message: Delivery, data: EventData) -> None:
        # Once it is accepted it must be told of: this is tried until it works.
        assert message.planned_at is not None
        event = Event(
            id=derive_id(message.message_id, data.NAME),
            source="/motcua/notify/sender",
            subject=dossier,
            time=message.planned_at,
            data=data,
            cause=message.message_id,
        )
        self._ended.add(message.message_id)
        pause = 0.1
        while True:
            try:
                await self._running.producer.publish([event])
                break
            except (KafkaError, OSError, TimeoutError) as error:
                if self._stopping.is_set():
                    log.error("a sent message is not told of", message_id=message.message_id)
                    raise  # it will be sent again, with the same Message-ID
                log.warning("cannot tell of a message yet", error=repr(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
        self._tries.pop(message.message_id, None)
        outcome = data.reason if isinstance(data, notify.MessageNotSent) else "sent"
        metrics.MESSAGES.labels(message.channel, outcome).inc()
        self._running.faults.passing("message-told")


def _not_sent(
    message: Delivery, reason: NotSentReason, detail: str | None = None
) -> notify.MessageNotSent:
    return notify.MessageNotSent(
        message_id=message.message_id,
        channel=MessageChannel(message.channel),
        reason=reason,
        detail=detail,
    )


@asynccontextmanager
async def sending(running: Running, renderer: Renderer) -> AsyncIterator[None]:
    """Runs a sender as long as the service runs."""
    sender = Sender(running, renderer)
    task = asyncio.create_task(sender.run(), name="sender")

    def ended(done: asyncio.Task[None]) -> None:
        # Without its sender a service would look well and tell nobody anything.
        error = None if done.cancelled() else done.exception()
        if error is not None and not running.failed.done():
            running.failed.set_exception(error)

    task.add_done_callback(ended)
    try:
        yield
    finally:
        sender.stop()
        await asyncio.wait([task])
