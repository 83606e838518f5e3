"""A month of outages, to the second: who takes each message, when, and that everyone is told once.

The choice of who takes what, the courier, the channel and its switch run over a clock that the test
moves. What they do is compared, message by message, with a model that is written down once more in
plain words. Two gateways are away, refuse, hang up, are slow or silent as a seeded schedule says.
"""

from __future__ import annotations

import asyncio
import heapq
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from statistics import median
from zlib import crc32

import pytest

from contracts.catalogue import load_catalogue
from contracts.events.notify import MessageChannel, MessageSent
from services.notify.channels.channel import Channel, Line
from services.notify.channels.provider import Accepted, NotTaken, Outgoing, Unknown
from services.notify.channels.switch import Limits
from services.notify.contacts.addresses import Address, Addresses
from services.notify.delivery.delivery import Delivery
from services.notify.sending.assignment import Assigning
from services.notify.sending.courier import Courier
from services.notify.sending.handoff_log import Handing
from services.notify.sending.outbox import Due
from services.notify.sending.outcomes import End, Teller
from services.notify.sending.receivers import Receivers
from services.notify.sending.retries import Tries
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
            raise Unknown("no answer", silent=said.startswith("silent"))
        return Accepted(self.name)

    async def close(self) -> None:
        pass


class Book(Handing):
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

    async def find(self, who: str, channel: MessageChannel) -> Address:
        return Address("0903 123 456")


class Told(Teller):
    """Writes down what was told of, and when."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self.log: list[tuple[str, str, int]] = []

    async def tell(self, due: Due, end: End) -> None:
        assert isinstance(end, MessageSent)
        assert end.provider is not None
        self.log.append((end.message_id, end.provider, self._town.now))


class Later(Tries):
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
        lines = [Line(gateway, 1, 1e9) for gateway in self.gateways.values()]
        channel = Channel(
            "sms", lines, asyncio.Event(), limits=Limits(), clock=lambda: float(town.now)
        )
        self._channels = {"sms": channel}
        self.book = Book()
        self.later = Later(town)
        self._assigning = Assigning(self._channels, self.book, self.later)
        self.told = Told(town)
        renderer = Renderer(load_catalogue())
        self._courier = Courier(
            renderer, Everyone(), self.book, self.told, self.later, Receivers(), Faults()
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
            due = Due("H29.1-260302-0001", 0, datetime(2026, 3, 2, tzinfo=UTC), message)
            (work,) = await self._assigning.works([due])
            await self._courier.carry(work, lambda: True)
            if (again := self.later.again.pop(key, None)) is not None:
                heapq.heappush(waiting, (again, number, key))


# -- what it should do, in plain words --------------------------------------------------------


class Model:
    """The rules as an operator would tell them, over a list of all that ever happened."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.seen: dict[str, list[tuple[int, str, int]]] = {FIRST: [], SECOND: []}
        """Of each gateway: when an attempt ended, how (yes, no, silent), and how long it took."""
        self.since_yes: dict[str, list[str]] = {FIRST: [], SECOND: []}
        self.fails: set[str] = set()
        self.next_look = dict.fromkeys((FIRST, SECOND), 0)
        self.left_alone = dict.fromkeys((FIRST, SECOND), 0)
        self.bound: dict[str, str] = {}
        """Which gateway may have a message already."""
        self.put_off: set[str] = set()
        """What was tried in vain: what becomes of it then may be for what it is."""
        self.log: list[tuple[str, str, int]] = []

    def lately(self, name: str, now: int) -> list[tuple[str, int]]:
        """What is remembered: of the last minute, a hundred attempts at the most."""
        return [(said, took) for at, said, took in self.seen[name][-100:] if at >= now - 60]

    def ended(self, name: str, said: str, took: int, now: int) -> None:
        """An attempt came to its end."""
        if said == "yes":
            if name in self.fails or self.silent(name):
                self.seen[name].clear()  # well again: what was before says nothing any more
            self.since_yes[name].clear()
            self.fails.discard(name)
        else:
            self.since_yes[name].append(said)
        self.seen[name].append((now, said, took))
        refused = [said == "no" for said, _ in self.lately(name, now)]
        half = len(refused) >= 20 and sum(refused) >= len(refused) / 2
        if said == "no" and (half or self.since_yes[name].count("no") >= 5):
            self.fails.add(name)
        if name in self.fails:
            self.next_look[name] = now + 10

    def silent(self, name: str) -> bool:
        """Whether five were not answered in time since its last answer."""
        return self.since_yes[name].count("silent") >= 5

    def slow(self, name: str, now: int) -> bool:
        """Whether half of the latest took longer than five seconds."""
        took = [took for said, took in self.lately(name, now) if said != "no"]
        return bool(took) and median(took) > 5

    def looks(self, name: str, now: int) -> bool:
        """One message in ten seconds may find out how a gateway does."""
        if self.next_look[name] > now:
            return False
        self.next_look[name] = now + 10
        return True

    def who(self, now: int, without: Collection[str] = ()) -> str | None:
        """Who takes a new message."""
        names = [n for n in (FIRST, SECOND) if n not in without and self.left_alone[n] <= now]
        for name in names:
            if name in self.fails:
                if self.looks(name, now):
                    return name
                continue
            others = [n for n in names if n != name and n not in self.fails]
            for other in others if self.slow(name, now) or self.silent(name) else ():
                answers = sum(said == "yes" for said, _ in self.lately(other, now))
                known = answers >= (1 if self.silent(name) else 3) and not self.slow(other, now)
                if known and "silent" not in self.since_yes[other]:
                    return name if self.looks(name, now) else other
                if self.silent(name) and self.looks(other, now):
                    return other
            return name
        return None

    def opens(self, now: int) -> int:
        """Seconds until anybody can be asked."""
        times = [
            max(self.left_alone[n], self.next_look[n] if n in self.fails else 0)
            for n in (FIRST, SECOND)
        ]
        return max(0, min(times) - now)

    def works(self) -> None:
        """Through the month."""
        now = 0
        waiting = [(at, number, key) for number, (at, key) in enumerate(self.town.messages)]
        while waiting:
            at, number, key = heapq.heappop(waiting)
            now = max(now, at)
            if wait := self.opens(now):
                heapq.heappush(waiting, (now + wait, number, key))
                continue
            now, again = self.tried(key, now)
            if again is not None:
                heapq.heappush(waiting, (again, number, key))

    def tried(self, key: str, now: int) -> tuple[int, int | None]:
        """Now, after the message was tried; and when it is tried again, if it is."""
        without: set[str] = set()
        name = self.bound.get(key) or self.who(now)
        longest = PUT_OFF
        while name is not None:
            said, took = self.town.answer(name, key, now)
            now += took
            again, lost = key in self.put_off, self.fails == {FIRST, SECOND}
            if said == "yes":
                if lost or not again:
                    self.ended(name, "yes", took, now)
                self.log.append((key, name, now))
                return now, None
            if said not in ("no", "later"):
                self.bound[key] = name
                silent = said.startswith("silent")
                if not again or (lost and silent):
                    self.ended(name, "silent" if silent else "no", took, now)
                self.put_off.add(key)
                return now, now + PUT_OFF
            if said == "no" and not again:
                self.ended(name, "no", took, now)
            if said == "later":
                self.left_alone[name] = max(self.left_alone[name], now + RETRY_AFTER)
            longest = RETRY_AFTER if said == "later" else PUT_OFF
            without.add(name)
            name = None if key in self.bound else self.who(now, without)
        self.put_off.add(key)
        return now, now + longest


# -- the comparison -------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[1, 2])
def month(request: pytest.FixtureRequest) -> Desk:
    """A month that is over."""
    desk = Desk(Town(request.param))
    asyncio.run(desk.works())
    return desk


def test_each_message_is_taken_by_whom_and_told_in_the_second_that_the_rules_say(
    month: Desk,
) -> None:
    model = Model(Town(month.town.seed))
    model.works()
    assert month.told.log == model.log
    assert {kind for e in month.town.episodes for kind in e.how.values()} > set(KINDS)
    by = Counter(name for _, name, _ in month.told.log)
    assert by[SECOND] > 500


def test_everyone_is_told_once_by_the_one_who_has_the_message(month: Desk) -> None:
    told = {key: name for key, name, _ in month.told.log}
    assert len(told) == len(month.told.log) == len(month.town.messages)
    for name, gateway in month.gateways.items():
        assert gateway.taken.keys() == {key for key, by in told.items() if by == name}


def test_what_one_may_have_taken_is_never_offered_to_the_other(month: Desk) -> None:
    offers: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for name, gateway in month.gateways.items():
        for at, key, said in gateway.offered:
            offers[key].append((at, name, said))
    unsure = 0
    for key, made in offers.items():
        made.sort(key=lambda offer: offer[0])
        may_have = {name for _, name, said in made if said not in ("no", "later")}
        assert len(may_have) == 1, (key, made)
        unsure += any(said not in ("yes", "no", "later") for _, _, said in made)
    assert unsure > 100


def test_while_both_are_slow_not_one_message_goes_to_the_second(month: Desk) -> None:
    both_slow = {FIRST: "slow", SECOND: "slow"}
    found = [e for e in month.town.episodes if e.how == both_slow and not e.storm]
    assert len(found) >= 3
    for episode in found:
        assert not month.offers(SECOND, episode.begins, episode.ends)
        assert month.offers(FIRST, episode.begins, episode.ends)


def test_a_first_that_is_away_delays_nobody_and_is_used_again_after_its_rest(month: Desk) -> None:
    told = {key: (name, at) for key, name, at in month.told.log}
    found = [
        (episode, following.begins)
        for episode, following in pairwise(month.town.episodes)
        if episode.how in ({FIRST: "away"}, {FIRST: "refuses"}) and not episode.storm
    ]
    assert len(found) >= 3
    for episode, calm_until in found:
        for at, key in month.planned(episode.begins, episode.ends):
            assert told[key] == (SECOND, at)
        tries = month.offers(FIRST, episode.begins, episode.ends)
        assert all(later - earlier >= 10 for earlier, later in pairwise(tries[4:]))
        after = month.planned(episode.ends, calm_until)
        rested = tries[-1] + (10 if len(tries) >= 5 else 0)
        for at, key in after:
            assert told[key] == (FIRST if at >= rested else SECOND, at)
