"""Runs a city through its day, in peace or under drills, and reads what it came to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
from aiokafka.errors import KafkaError

from contracts.rules import RuleSet
from contracts.wire.topics import SERVICES
from deploy.local.fakes.gateway.accepted import read_accepted_messages
from deploy.local.fakes.gateway.behaviour import Behaviour
from deploy.local.stack.city import City, Instance
from deploy.local.stack.endpoints import Endpoints
from deploy.local.stack.stack import Stack
from motcua.feed import Feed
from motcua.simulate import SimulatedDay, slices
from motcua.simulate.contacts import sealed_contacts
from services.runtime.kafka.enactment import enact
from services.runtime.kafka.topics import create_topics
from services.runtime.mongo.client import client
from services.runtime.settings import ClockKind, Settings
from services.shared.citizen_keys import CitizenKeys
from services.shared.master_keys import KeySettings, master_keys
from tests.chaos.drills import MISBEHAVIOUR, Drill
from tests.chaos.outcome import Outcome, read_outcome
from tests.chaos.patience import Patience
from tests.chaos.rebuilt import not_as_rebuilt
from tests.support.fork_server import fork
from tests.support.recorded import record_live

PARTITIONS = 4
_MISBEHAVES = 4.0
"""Seconds for which the gateway does what it is told to: longer than our time-out for it."""
_WELL = Behaviour().to_json()
Tell = Callable[[str], None]


class Watch:
    """Does the drills, and starts anew what they (and nothing else) have ended."""

    def __init__(self, city: City, stack: Stack, tell: Tell) -> None:
        self.city = city
        self.stack = stack
        self.tell = tell
        self.reached: list[str] = []
        self._doomed: dict[int, Drill] = {}
        self._heal_at: float | None = None

    def do(self, drill: Drill) -> None:
        """Does one drill; a stop at an arrow happens when the work comes to it."""
        self.tell(str(drill))
        city = self.city
        match drill.kind:
            case "arrow":
                # Beside the doomed one nobody takes the work: so it comes to its arrow.
                for instance in [i for i in city.instances if i.service == drill.target]:
                    city.kill(instance)
                doomed = city.start(drill.target, stop_at=drill.stop_at)
                self._doomed[doomed.number] = drill
            case "provider":
                self._gateway(MISBEHAVIOUR[drill.target])
                self._heal_at = time.monotonic() + _MISBEHAVES
            case "kill":
                city.kill(city.of(drill.target))
                city.start(drill.target)
            case "join":
                city.start(drill.target)
            case "leave":
                if len([i for i in city.instances if i.service == drill.target]) > 1:
                    code = city.leave(city.of(drill.target))
                    assert code == 0, f"{drill.target} left with {code}"
            case "restart":
                self.stack.kill(drill.target)
                self.stack.start(drill.target)

    def look(self) -> None:
        """Starts instances for those that came to their arrow, and heals the gateway in time.

        Raises for any other death.
        """
        for instance in list(self.city.instances):
            if instance.process.poll() is None:
                continue
            drill = self._doomed.pop(instance.number, None)
            if drill is None or instance.process.returncode != -9:
                self.city.check(instance)
            self.city.instances.remove(instance)
            self.reached.append(str(drill))
            self._ensure(instance)

        if self._heal_at is not None and time.monotonic() > self._heal_at:
            self.heal()

    def heal(self) -> None:
        """The gateway behaves again."""
        self._gateway({name: _WELL[name] for drill in MISBEHAVIOUR.values() for name in drill})
        self._heal_at = None

    def _gateway(self, behaviour: dict[str, object]) -> None:
        page = self.stack.endpoints().gateway_page
        httpx.post(f"{page}/control", json=behaviour, timeout=10).raise_for_status()

    def pending(self) -> list[str]:
        """Arrows that the work has not come to."""
        return [str(drill) for drill in self._doomed.values()]

    def _ensure(self, gone: Instance) -> None:
        if not any(i.service == gone.service for i in self.city.instances):
            self.city.start(gone.service)


async def run_city(
    stack: Stack,
    folder: Path,
    simulated: SimulatedDay,
    drills: Mapping[int, Drill],
    tell: Tell,
    *,
    begins_with: RuleSet | None = None,
    enacted: Mapping[int, Sequence[RuleSet]] | None = None,
    partitions: int = PARTITIONS,
    recorded: Path | None = None,
) -> tuple[Outcome, Watch]:
    """Feeds the plan's requests, slice by slice, to a city that is drilled meanwhile.

    `drills` says before which slice each comes. Without any the city comes to rest after each tick
    too: nothing is told while timers fire. `begins_with`: the set that is enacted before the day.
    `enacted`: the sets of rules that are enacted right behind the requests of the slice of that
    number. At the end, all is folded anew from the log, and recorded if a path is given.
    """
    stack.reset()
    endpoints = stack.up()
    settings = Settings(
        kafka=endpoints.kafka,
        mongo=endpoints.mongo,
        partitions=partitions,
        clock=ClockKind.STREAM,
    )
    await create_topics(settings)
    mongo = client(endpoints.mongo)
    if begins_with is not None:
        await enact(settings, begins_with.files, begins_with.since, begins_with.by)
    told_contacts = await sealed_contacts(
        CitizenKeys(mongo, master_keys(KeySettings())), simulated.contacts
    )
    mongo.close()
    pieces = list(slices(simulated.requests, ends=simulated.ends))
    with City(
        endpoints,
        folder,
        launch=fork,
        clock="stream",
        partitions=partitions,
        channels="email,sms",
        sms_rate=1_000,
        gateway_timeout=2,
        session_timeout_ms=2000,
        retry_most=1.0,
    ) as city:
        city.start_all(processes=SERVICES)
        watch = Watch(city, stack, tell)
        feed = Feed(endpoints.kafka, sends_mail=True)
        await _again(feed.start, watch)
        try:
            await _again(lambda: feed.send(told_contacts), watch)
            await settle(feed, watch)
            start = time.monotonic()
            for number, piece in enumerate(pieces):
                if (drill := drills.get(number)) is not None:
                    watch.do(drill)
                await _again(lambda p=piece: feed.send(p.events), watch)  # type: ignore[misc]
                for rules in (enacted or {}).get(number, ()):
                    await enact(settings, rules.files, rules.since, rules.by)
                await settle(feed, watch)
                await _again(feed.tick_mornings, watch)
                await _again(lambda p=piece: feed.tick(p.until), watch)  # type: ignore[misc]
                if not drills:
                    await settle(feed, watch)
                if number % 20 == 0:
                    took = time.monotonic() - start
                    tell(f"slice {number} of {len(pieces)}, {took:.0f} s")
            await settle(feed, watch)
            await _again(feed.tick_mornings, watch)
            await settle(feed, watch)
            watch.heal()
            await settle(feed, watch)
            await received(endpoints, feed, watch)
        finally:
            await feed.stop()
        outcome = await read_outcome(endpoints)
        if recorded is not None:
            outcome.decided_otherwise = await record_live(city, recorded)
    outcome.not_as_rebuilt = await not_as_rebuilt(settings)
    return outcome, watch


async def settle(feed: Feed, watch: Watch, timeout: float = 120.0) -> None:
    """Waits until nothing is under way, and looks after the drilled meanwhile.

    Raises TimeoutError if nothing moves for so many seconds.
    """
    patience = Patience(timeout)
    pause = 0.005
    while True:
        watch.look()
        lag: dict[str, int] = {}

        async def ask() -> None:
            nonlocal lag
            lag = await feed.behind()

        await _again(ask, watch)
        unsent = 0 if lag else await _unsent(watch, feed)
        if not lag and not unsent:
            return
        patience.see((lag, unsent))
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.1)


async def _unsent(watch: Watch, feed: Feed) -> int:
    """How many dossiers have messages that were to be sent by now, as the city's time has it.

    Were they left behind, the day would go on without them.
    """
    mongo = client(watch.city.endpoints.mongo)
    due = {"state.next_at": {"$lt": feed.ticked}, "hold": None}
    count = 0

    async def ask() -> None:
        nonlocal count
        count = await mongo["motcua_notify"]["deliveries"].count_documents(due)

    try:
        if feed.ticked is not None:
            await _again(ask, watch)
    finally:
        mongo.close()
    return count


async def received(endpoints: Endpoints, feed: Feed, watch: Watch, timeout: float = 90.0) -> None:
    """Waits until the gateway's receipts for what it accepted are folded, as far as they come."""
    watch.city.start("notify")  # at the address that gateways know, if nobody is there
    mongo = client(endpoints.mongo)
    deadline = time.monotonic() + timeout
    accepted = {entry.key for entry in read_accepted_messages(endpoints.gateway_ledger)}
    while True:
        watch.look()
        arrived: set[str] = set()
        async for document in mongo["motcua_notify"]["deliveries"].find({}, {"state.messages": 1}):
            arrived |= {
                key
                for key, message in document["state"]["messages"].items()
                if message.get("receipt")
            }
        if accepted <= arrived:
            break
        if time.monotonic() > deadline:
            # A gateway that was killed forgets what it had not told: that is no fault of ours.
            watch.tell(f"of {len(accepted - arrived)} SMS no receipt came")
            break
        await asyncio.sleep(0.2)
    mongo.close()
    await settle(feed, watch)


async def _again(act: Callable[[], Awaitable[Any]], watch: Watch) -> None:
    """Does it until it works: the broker may be away just now. The same ids make it harmless."""
    for _ in range(200):
        try:
            await act()
        except (KafkaError, OSError, TimeoutError) as error:
            watch.tell(f"the feed waits: {type(error).__name__}")
            watch.look()
            await asyncio.sleep(0.2)
        else:
            return
    raise TimeoutError("the broker did not come back")
