"""What one message comes to on its way: where it goes, and what stands written of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from datetime import UTC, datetime

import pytest

from contracts.catalogue import load_catalogue
from contracts.events.notify import MessageChannel, MessageNotSent, MessageSent, NotSentReason
from services.notify.channels.provider import (
    Accepted,
    Deferred,
    MaybeTaken,
    NotTaken,
    Outgoing,
    Rejected,
)
from services.notify.channels.providers import PacedProvider, Providers
from services.notify.contacts.addresses import FRESH_SECONDS, Address, Addresses, Destination
from services.notify.contacts.telling import Recipient
from services.notify.delivery.delivery import Delivery
from services.notify.sending.assignment import Assignment
from services.notify.sending.courier import Courier
from services.notify.sending.handoff_log import HandoffLog
from services.notify.sending.outbox import DueMessage
from services.notify.sending.reporter import End, Reporter
from services.notify.sending.retries import Retries
from services.notify.sending.unreachable import UnreachableRecipients
from services.notify.wording.renderer import Renderer
from services.runtime.loop.faults import Faults
from services.shared.person import citizen

RENDERER = Renderer(load_catalogue())
NOW = datetime(2026, 3, 2, tzinfo=UTC)


class Gateway:
    """Keeps to whom it was handed something; does what it is told to."""

    name, keyed = "sms", True

    def __init__(self) -> None:
        self.sent_to: list[str] = []
        self.fails: Exception | None = None
        self.free = asyncio.Event()
        self.free.set()
        self.asked = asyncio.Event()

    async def send(self, message: Outgoing) -> Accepted:
        self.sent_to.append(message.to)
        assert len(self.sent_to) < 10, "offered for ever"
        self.asked.set()
        await self.free.wait()
        if self.fails is not None:
            raise self.fails
        return Accepted(self.name)

    async def close(self) -> None:
        pass


class Book(Addresses):
    """Where the citizen is by now."""

    def __init__(self) -> None:
        self.now: Address | NotSentReason | None = Address("0903 123 456")
        self.asked = 0

    async def find(self, destination: Destination) -> Address | NotSentReason | None:
        self.asked += 1
        return self.now


class Notes(HandoffLog):
    """What is struck out, at once and with the next ones."""

    def __init__(self) -> None:
        self.free: list[str] = []
        self.done: list[str] = []

    def over(self, message_id: str) -> None:
        self.done.append(message_id)

    async def strike_out(self, message_ids: Collection[str]) -> None:
        self.free += message_ids

    async def move(self, message_id: str, old: str, new: str) -> bool:
        return True


class Told(Reporter):
    """What was told of each message."""

    def __init__(self) -> None:
        self.ends: dict[str, End] = {}
        self.killed = False

    async def report(self, due: DueMessage, end: End) -> None:
        self.ends[due.message.message_id] = end
        if self.killed:
            raise ConnectionError("the broker has it, and we do not know")


def due(key: str) -> DueMessage:
    message = Delivery(
        key, "sms", planned_at=NOW, recipient="c", template="withdrawn", params={"reason": "r"}
    )
    return DueMessage("H29.1-260302-0001", 0, NOW, message)


class Round:
    """A courier, and one connection to one gateway."""

    def __init__(self) -> None:
        self.gateway, self.book, self.notes = Gateway(), Book(), Notes()
        self.told, self.retries, self.unreachable = Told(), Retries(), UnreachableRecipients()
        self.stopping = asyncio.Event()
        self.channel = Providers("sms", [PacedProvider(self.gateway, 1, 1e6)], self.stopping)
        self.renderer = RENDERER
        self.courier = Courier(
            lambda: self.renderer,
            self.book,
            self.notes,
            self.told,
            self.retries,
            self.unreachable,
            Faults(),
        )

    async def carries(
        self, key: str, address: Address, *, bound: bool = False, noted: bool = False
    ) -> None:
        work = Assignment(due(key), address, self.channel, "sms", noted, bound)
        await self.courier.carry(work, lambda: True)

    def reason(self, key: str) -> NotSentReason | None:
        end = self.told.ends[key]
        return end.reason if isinstance(end, MessageNotSent) else None


@pytest.fixture
async def round_() -> Round:
    return Round()


def old() -> Address:
    return Address("0903 000 000", found_at=Address("x").found_at - FRESH_SECONDS)


async def test_an_address_that_was_found_just_now_is_not_asked_for_again(round_: Round) -> None:
    await round_.carries("m", Address("0903 123 456"))
    assert round_.book.asked == 0
    assert isinstance(round_.told.ends["m"], MessageSent)


async def test_what_was_sent_says_by_which_version_of_the_templates(round_: Round) -> None:
    await round_.carries("m", Address("0903 123 456"))
    sent = round_.told.ends["m"]
    assert isinstance(sent, MessageSent)
    told = round_.renderer.render("withdrawn", "vi", "H29.1-260302-0001", {"reason": "r"})
    assert sent.wording == told.version != ""


async def test_whoever_is_elsewhere_by_the_time_is_written_to_there(round_: Round) -> None:
    await round_.carries("m", old())
    assert round_.gateway.sent_to == ["0903 123 456"]


@pytest.mark.parametrize("reason", [NotSentReason.ERASED, NotSentReason.NO_CONTACT])
async def test_whoever_is_erased_while_a_message_waits_for_its_turn_is_not_written_to(
    round_: Round, reason: NotSentReason
) -> None:
    round_.gateway.free.clear()
    address = Address("0903 123 456")
    first = asyncio.create_task(round_.carries("first", address))
    await round_.gateway.asked.wait()
    # When it is the second's turn, its address will have been found too long ago.
    second = asyncio.create_task(round_.carries("second", old()))
    await asyncio.sleep(0)
    round_.book.now = reason
    assert round_.gateway.sent_to == ["0903 123 456"], "the second waits"
    round_.gateway.free.set()
    await asyncio.gather(first, second)
    assert round_.gateway.sent_to == ["0903 123 456"]
    assert round_.reason("first") is None
    assert round_.reason("second") == reason
    # The gateway was not asked for it, so that is no failure of the gateway's.
    assert round_.channel.pick() == "sms"


async def test_a_message_whose_address_may_be_on_its_way_is_held_and_free(round_: Round) -> None:
    round_.book.now = None
    await round_.carries("m", old(), noted=True)
    assert round_.told.ends == {}
    assert not round_.retries.failures("m")
    assert round_.notes.free == ["m"]


@pytest.mark.parametrize(
    ("fails", "bound", "free", "done"),
    [
        (None, False, [], ["m"]),
        (None, True, [], ["m"]),
        (NotTaken("not now"), False, ["m"], []),
        (NotTaken("not now"), True, [], []),
        (MaybeTaken("no answer"), False, [], []),
        (Rejected("no number"), False, ["m"], []),
        (Rejected("no number"), True, [], []),
    ],
)
async def test_it_stands_written_as_long_as_somebody_may_have_it_untold(
    round_: Round, fails: Exception | None, bound: bool, free: list[str], done: list[str]
) -> None:
    round_.gateway.fails = fails
    await round_.carries("m", Address("0903 123 456"), bound=bound, noted=True)
    assert (round_.notes.free, round_.notes.done) == (free, done)


@pytest.mark.parametrize("fails", [Rejected("no number"), None])
async def test_a_kill_with_the_end_on_the_log_leaves_no_note_of_what_nobody_has(
    round_: Round, fails: Exception | None
) -> None:
    """Or what takes it back would be told to somebody who never got it."""
    round_.gateway.fails, round_.told.killed = fails, True
    round_.book.now = NotSentReason.NO_CONTACT
    address = old() if fails is None else Address("0903 123 456")
    with pytest.raises(ConnectionError):
        await round_.carries("m", address, noted=True)
    assert isinstance(round_.told.ends["m"], MessageNotSent)
    assert round_.notes.free == ["m"]


@pytest.mark.parametrize("found", [NotSentReason.NO_CONTACT, NotSentReason.ERASED])
async def test_what_has_no_address_ends_with_the_reason(
    round_: Round, found: NotSentReason
) -> None:
    round_.book.now = found
    await round_.courier.look_up(due("m"), lambda: True)
    assert round_.reason("m") == found
    assert (round_.notes.free, round_.notes.done) == ([], [])


async def test_what_has_no_address_is_not_told_by_whoever_lost_the_partition(
    round_: Round,
) -> None:
    round_.book.now = NotSentReason.NO_CONTACT
    await round_.courier.look_up(due("m"), lambda: False)
    assert round_.told.ends == {}


@pytest.mark.parametrize(("found", "waits"), [(None, True), (Address("0903 123 456"), False)])
async def test_whose_address_came_or_may_yet_come_is_looked_for_again(
    round_: Round, found: Address | None, waits: bool
) -> None:
    round_.book.now = found
    await round_.courier.look_up(due("m"), lambda: True)
    assert round_.told.ends == {}
    assert round_.retries.waits("m", time.monotonic()) is waits
    assert not round_.retries.failures("m")


async def test_of_what_was_never_written_down_nothing_is_struck_out(round_: Round) -> None:
    for key, fails in (("a", None), ("b", NotTaken("no")), ("c", Rejected("no"))):
        round_.gateway.fails = fails
        await round_.carries(key, Address("0903 123 456"))
    assert (round_.notes.free, round_.notes.done) == ([], [])


CITIZEN = Recipient(citizen("c"), MessageChannel.SMS)


@pytest.mark.parametrize(
    ("fails", "judged", "rests"),
    [
        (Deferred("452 4.2.2 mailbox full"), True, True),
        (NotTaken("not now"), True, False),
        (NotTaken("not now"), False, True),
        (MaybeTaken("no answer"), True, False),
        (MaybeTaken("no answer"), False, True),
        (Rejected("410: wants no more"), False, False),
        (None, False, False),
    ],
)
async def test_whoever_cannot_be_reached_rests_and_not_whoever_carries_to_them(
    round_: Round, fails: Exception | None, judged: bool, rests: bool
) -> None:
    round_.channel = Providers(
        "sms", [PacedProvider(round_.gateway, 1, 1e6)], round_.stopping, judged=judged
    )
    round_.gateway.fails = fails
    for key in ("a", "b", "c", "d", "e", "f"):
        await round_.carries(key, Address("0903 123 456"))
    assert round_.unreachable.rests(CITIZEN, time.monotonic()) is rests
    assert (round_.channel.pick() == "sms") is (
        rests or not isinstance(fails, NotTaken | MaybeTaken)
    )


async def test_whoever_takes_something_again_is_doubted_no_longer(round_: Round) -> None:
    round_.gateway.fails = Deferred("450 4.2.1 busy")
    await round_.carries("m", Address("0903 123 456"))
    assert round_.unreachable.doubted(CITIZEN)
    round_.gateway.fails = None
    await round_.carries("m", Address("0903 123 456"))
    assert not round_.unreachable.doubted(CITIZEN)


async def test_a_message_that_both_providers_refuse_is_offered_to_each_once(round_: Round) -> None:
    first, second = Gateway(), Gateway()
    second.name = "sms2"
    for gateway in (first, second):
        gateway.fails = NotTaken("not now")
    paced = [PacedProvider(each, 1, 1e6) for each in (first, second)]
    round_.channel = Providers("sms", paced, round_.stopping)
    await round_.carries("m", Address("0903 123 456"), noted=True)
    assert [len(each.sent_to) for each in (first, second)] == [1, 1]
    assert round_.retries.failures("m") == 1
    assert round_.notes.free == ["m"], "who looks next may choose anew"
