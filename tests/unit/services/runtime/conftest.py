"""A service of the smallest kind, and a log to feed it from.

It is a purse. Its events borrow the shape of real ones, because the codec knows no others, and
mean nothing of what those mean: money is asked for or turns up, notes are taken, alarms ring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
import pytest
from aiokafka import ConsumerRecord

from contracts.events import intake
from contracts.events.refusals import PaymentReportRefused, RefusalReason
from contracts.model import EventData
from contracts.wire.codec import Record, encode, types
from contracts.wire.envelope import Event
from services.runtime.core.decider import Timer
from services.runtime.core.world import World

NOON = datetime(2024, 3, 7, 12, 0, tzinfo=UTC)


class Bell(StrEnum):
    ALARM = "alarm"


class Money(msgspec.Struct, frozen=True):
    """What is in the purse."""

    total: int = 0
    notes: tuple[str, ...] = ()
    alarms: tuple[datetime, ...] = ()
    rung: int = 0


class Purse:
    """Asked to take money; takes notes; ``wake 30`` rings 30 seconds after the note."""

    name = "purse"
    topic = "purses"
    collection = "purses"
    subject_pattern = r"^purse-\d+$"
    requests = types(intake.PaymentReportRequested)
    facts = types(intake.PaymentReceived, intake.RemarkRecorded, intake.SupplementDelivered)
    state_type = Money
    waking: Mapping[str, Any] | None = None

    alarm = "rings"
    """``rings`` as it should; ``silent`` comes to nothing; ``for-ever`` never ends."""
    own_time = False
    clock_alone = False
    mended = False
    """Whether the purse no longer breaks over a request with the reference ``boom``."""

    def initial(self, subject: str) -> Money:
        return Money()

    def decide(self, world: World, state: Money, request: Event) -> Sequence[EventData]:
        data = request.data
        assert isinstance(data, intake.PaymentReportRequested)
        if data.reference == "boom" and not self.mended:
            raise ZeroDivisionError("the purse is broken")
        if data.reference == "nothing":
            return ()
        if state.total + data.amount > 100:
            return [PaymentReportRefused(reason=RefusalReason.OVERPAID, detail="it is full")]
        return [_money(data.amount)]

    def evolve(self, world: World, state: Money, fact: Event) -> Money:
        replace = msgspec.structs.replace
        match fact.data:
            case intake.PaymentReceived(amount=amount):
                return replace(state, total=state.total + amount)
            case intake.RemarkRecorded(activity="tear"):
                raise LookupError("a hole in the purse")
            case intake.RemarkRecorded(activity=note):
                alarms = state.alarms
                if note.startswith("wake "):
                    after = timedelta(seconds=int(note.removeprefix("wake ")))
                    alarms = tuple(sorted((*alarms, fact.time + after)))
                return replace(state, notes=(*state.notes, note), alarms=alarms)
            case intake.SupplementDelivered():
                left = state.alarms if self.alarm == "for-ever" else state.alarms[1:]
                return replace(state, alarms=left, rung=state.rung + 1)
        return state

    def react(self, world: World, state: Money, fact: Event) -> Sequence[EventData]:
        match fact.data:
            case intake.RemarkRecorded(activity="a find"):
                return [_money(1), _money(2)]
            case intake.RemarkRecorded(activity="rip"):
                raise LookupError("the seam is open")
        return ()

    def timer(self, world: World, state: Money) -> Timer | None:
        if not state.alarms:
            return None
        return Timer(
            state.alarms[0], Bell.ALARM, own_time=self.own_time, clock_alone=self.clock_alone
        )

    def fire(self, world: World, state: Money, timer: Timer) -> Sequence[EventData]:
        if self.alarm == "silent":
            return ()
        return [intake.SupplementDelivered(documents=("alarm",), unit="A")]

    def woken(self, world: World) -> datetime | None:
        return None


def _money(amount: int) -> intake.PaymentReceived:
    return intake.PaymentReceived(amount=amount, outstanding=0, reference="found")


class Log:
    """One partition: gives each record the next offset."""

    def __init__(self) -> None:
        self.end = 0

    def put(
        self,
        event: Event | Record,
        *,
        without: str | None = None,
        key: bytes | None = b"as encoded",
        value: bytes | None = b"as encoded",
        **headers: bytes | None,
    ) -> ConsumerRecord[Any, Any]:
        """A record with the event, spoilt as told."""
        record = encode(event) if isinstance(event, Event) else event
        own = [(k, v) for k, v in record.headers if k != without and k not in headers]
        offset, self.end = self.end, self.end + 1
        return ConsumerRecord(
            topic="purses",
            partition=3,
            offset=offset,
            timestamp=0,
            timestamp_type=0,
            key=record.key if key == b"as encoded" else key,
            value=record.value if value == b"as encoded" else value,
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            headers=[*own, *headers.items()],
        )


class Say:
    """Makes the purse's events; each gets an id of its own."""

    def __init__(self) -> None:
        self.count = 0

    def note(self, text: str, at: int = 0, subject: str = "purse-1", **envelope: Any) -> Event:
        return self._event(intake.RemarkRecorded(activity=text), at, subject, envelope)

    def ask(
        self, amount: int, at: int = 0, reference: str = "gift", subject: str = "purse-1"
    ) -> Event:
        data = intake.PaymentReportRequested(amount=amount, reference=reference)
        return self._event(data, at, subject, {"fingerprint": "f"})

    def _event(self, data: EventData, at: int, subject: str, envelope: dict[str, Any]) -> Event:
        self.count += 1
        return Event(
            f"said-{self.count}", "/test", subject, NOON + timedelta(seconds=at), data, **envelope
        )


@pytest.fixture
def purse() -> Purse:
    return Purse()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def say() -> Say:
    return Say()
