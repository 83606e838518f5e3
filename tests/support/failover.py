"""A month of outages: a town with two gateways, and a service that sends by its own clock."""

from __future__ import annotations

import asyncio
import heapq
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from zlib import crc32

from contracts.catalogue import load_catalogue
from contracts.events.notify import MessageSent
from services.notify.channels.provider import Accepted, MaybeTaken, NotTaken, Outgoing
from services.notify.channels.providers import PacedProvider, Providers
from services.notify.channels.switch import SwitchLimits
from services.notify.contacts.addresses import Address, Addresses, Destination
from services.notify.delivery.delivery import Delivery
from services.notify.sending.assignment import Assigner
from services.notify.sending.courier import Courier
from services.notify.sending.handoff_log import HandoffLog
from services.notify.sending.outbox import DueMessage
from services.notify.sending.reporter import End, Reporter
from services.notify.sending.retries import Retries
from services.notify.sending.unreachable import UnreachableRecipients
from services.notify.wording.renderer import Renderer
from services.runtime.loop.faults import Faults

FIRST, SECOND = "sms", "sms2"
DAYS, DAY = 30, 86_400
SLOW, SILENT, RETRY_AFTER, PUT_OFF = 8, 20, 30, 5
"""Seconds: for a slow answer, until a silent gateway is given up, that a busy one asks for, and
after which a message is tried again."""


# -- the month ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Episode:
    """A time in which gateways do badly. Times are in seconds of the month."""

    begins: int
    ends: int
    how: Mapping[str, str]
    """By gateway: ``away``, ``refuses``, ``half`` (of its answers are refusals), ``busy`` (and says
    so), ``hangs-up``, ``slow`` or ``silent``; one that is not named does well."""
    storm: bool = False
    """Whether others come right before and after it."""


KINDS = ("away", "refuses", "half", "busy", "hangs-up", "slow", "silent")


@dataclass
class Town:
    """The month's outages and messages, and its clock."""

    seed: int
    now: int = 0
    episodes: list[Episode] = field(default_factory=list)
    messages: list[tuple[int, str]] = field(default_factory=list)
    """When each is planned, and its id; in order of time."""

    def __post_init__(self) -> None:
        draw = Random(self.seed)
        at = 3600
        while at < DAYS * DAY - 6 * 3600:
            at = self._storm(draw, at) if draw.random() < 0.2 else self._alone(draw, at)
            at += draw.randrange(3600, 16 * 3600)
        times = [draw.randrange(DAYS * DAY) for _ in range(3000)]
        for episode in self.episodes:
            # Many messages where something changes, as on a morning of the working week.
            for begin, end in (
                (episode.begins - 90, min(episode.begins + 240, episode.ends)),
                (max(episode.begins + 240, episode.ends - 60), episode.ends + 150),
            ):
                moment = begin
                while moment < end:
                    times.append(moment)
                    moment += draw.choice((1, 1, 2, 3, 5, 12)) * (3 if episode.storm else 1)
        self.messages = [(moment, f"m-{n}") for n, moment in enumerate(sorted(times))]

    def _alone(self, draw: Random, at: int) -> int:
        """One episode, with calm before and after it; returns when it ends."""
        kind, other = draw.choice(KINDS), draw.choice(KINDS)
        one, both = {FIRST: kind}, {FIRST: kind, SECOND: other}
        how = draw.choice((one, one, {SECOND: kind}, both, {FIRST: "slow", SECOND: "slow"}))
        self.episodes.append(Episode(at, at + draw.choice((20, 90, 300, 1200, 3600)), how))
        return self.episodes[-1].ends

    def _storm(self, draw: Random, at: int) -> int:
        """One after the other, so that what was learnt of the gateways is soon wrong."""
        for _ in range(draw.randrange(10, 40)):
            length = draw.randrange(4, 45)
            how = {name: draw.choice((*KINDS, "well", "well")) for name in (FIRST, SECOND)}
            self.episodes.append(Episode(at, at + length, how, storm=True))
            at += length
        return at

    def answer(self, gateway: str, message_id: str, at: int) -> tuple[str, int]:
        """What the gateway makes of a message that reaches it then, and after how long."""
        # They follow each other; only the last that has begun can still last.
        place = bisect_right(self.episodes, at, key=lambda episode: episode.begins)
        last = self.episodes[place - 1] if place else None
        how = last.how.get(gateway, "well") if last is not None and at < last.ends else "well"
        even = crc32(f"{gateway} {message_id} {at}".encode()) % 2 == 0
        match how:
            case "away" | "refuses":
                return "no", 0
            case "half":
                return ("no" if even else "yes"), 0
            case "busy":
                return "later", 0
            case "hangs-up":
                return ("broken-taken" if even else "broken"), 0
            case "silent":
                return ("silent-taken" if even else "silent"), SILENT
            case "slow":
                return "yes", SLOW
            case _:
                return "yes", 0


# -- what the service does ------------------------------------------------------------------


class ScheduledGateway:
    """A gateway that does what the schedule says, and knows a repetition by its key."""

    keyed = True

    def __init__(self, name: str, town: Town) -> None:
        self.name = name
        self._town = town
        self.offered: list[tuple[int, str, str]] = []
        """When, which message, and what it was answered."""
        self.taken: Counter[str] = Counter()

    async def send(self, message: Outgoing) -> Accepted:
        key, at = message.message_id, self._town.now
        said, seconds = self._town.answer(self.name, key, at)
        self.offered.append((at, key, said))
        self._town.now += seconds
        if said == "no":
            raise NotTaken("not now")
        if said == "later":
            raise NotTaken("not now", retry_after=float(RETRY_AFTER))
        if said == "yes" or said.endswith("-taken"):
            self.taken[key] = 1  # the same key, the same message
        if said != "yes":
            raise MaybeTaken("no answer", silent=said.startswith("silent"))
        return Accepted(self.name)

    async def close(self) -> None:
        pass


class Book(HandoffLog):
    """Who was handed what, in memory. What MongoDB makes of it is proven with the real one."""

    def __init__(self) -> None:
        self.written: dict[str, str] = {}

    async def take_over(self, message_ids: Collection[str]) -> dict[str, str]:
        return {key: self.written[key] for key in message_ids if key in self.written}

    async def note(self, handed: Mapping[str, str]) -> set[str]:
        self.written.update(handed)
        return set(handed)

    async def move(self, message_id: str, old: str, new: str) -> bool:
        assert self.written[message_id] == old
        self.written[message_id] = new
        return True

    def over(self, message_id: str) -> None:
        self.written.pop(message_id, None)

    async def strike_out(self, message_ids: Collection[str]) -> None:
        for key in message_ids:
            self.written.pop(key, None)


class Everyone(Addresses):
    """Everybody has a telephone."""

    def __init__(self) -> None:
        pass

    async def find(self, destination: Destination) -> Address:
        return Address("0903 123 456")


class Told(Reporter):
    """Writes down what was told of, and when."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self.log: list[tuple[str, str, int]] = []

    async def report(self, due: DueMessage, end: End) -> None:
        assert isinstance(end, MessageSent)
        assert end.provider is not None
        self.log.append((end.message_id, end.provider, self._town.now))


class Later(Retries):
    """Puts off without a draw, by the town's clock."""

    def __init__(self, town: Town) -> None:
        super().__init__()
        self._town = town
        self.again: dict[str, int] = {}
        self.count: Counter[str] = Counter()

    def put_off(
        self,
        message: Delivery,
        detail: str,
        at_least: float = 0.0,
        *,
        repeats: bool = False,
        stuck: bool = False,
        unreached: bool = False,
    ) -> None:
        assert not repeats, "both gateways know keys"
        self.count[message.message_id] += 1
        self.again[message.message_id] = self._town.now + max(PUT_OFF, round(at_least))

    def failures(self, message_id: str) -> int:
        return self.count[message_id]


class Desk:
    """The choice of who takes what, as the sender makes it, without broker and database."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.gateways = {name: ScheduledGateway(name, town) for name in (FIRST, SECOND)}
        lines = [PacedProvider(gateway, 1, 1e9) for gateway in self.gateways.values()]
        channel = Providers(
            "sms", lines, asyncio.Event(), limits=SwitchLimits(), clock=lambda: float(town.now)
        )
        self._channels = {"sms": channel}
        self.book = Book()
        self.later = Later(town)
        self._assigning = Assigner(self._channels, self.book, self.later)
        self.told = Told(town)
        renderer = Renderer(load_catalogue())
        self._courier = Courier(
            lambda: renderer,
            Everyone(),
            self.book,
            self.told,
            self.later,
            UnreachableRecipients(),
            Faults(),
        )

    def offers(self, name: str, begin: int, end: int) -> list[int]:
        """When the gateway was offered a message, from the one time to the other."""
        return [at for at, _, _ in self.gateways[name].offered if begin <= at < end]

    def planned(self, begin: int, end: int) -> list[tuple[int, str]]:
        """The messages of that time."""
        return [(at, key) for at, key in self.town.messages if begin <= at < end]

    async def works(self) -> None:
        """Through the month, one message after the other; each when it is due or tried again."""
        town, channel = self.town, self._channels["sms"]
        waiting = [(at, number, key) for number, (at, key) in enumerate(town.messages)]
        while waiting:
            at, number, key = heapq.heappop(waiting)
            town.now = max(town.now, at)
            if wait := round(channel.opens()):
                heapq.heappush(waiting, (town.now + wait, number, key))
                continue
            message = Delivery(
                key, "sms", recipient="c", template="withdrawn", params={"reason": "r"}
            )
            due = DueMessage("H29.1-260302-0001", 0, datetime(2026, 3, 2, tzinfo=UTC), message)
            (work,) = await self._assigning.works([(due, Address("0903 123 456"))])
            await self._courier.carry(work, lambda: True)
            if (again := self.later.again.pop(key, None)) is not None:
                heapq.heappush(waiting, (again, number, key))
