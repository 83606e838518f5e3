"""The provider's own drills, on the wall clock and under load: what a citizen gets, how often.

`away`: the gateway refuses connections for minutes, while citizens go on filing and notify is
killed. Afterwards everyone was told, nobody twice. `keyless`: a gateway that ignores our
idempotency keys, and kills between its answer and our record of it. Everyone is told; how often
somebody is told twice is counted kill by kill, and may be no more than what an instance has on its
way at once.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from contracts.wire.topics import SERVICES
from deploy.local.stack.city import City
from deploy.local.stack.endpoints import Endpoints
from deploy.local.stack.stack import Stack
from services.notify.channels.settings import ChannelSettings
from services.runtime.kafka.producer import EventProducer
from services.runtime.kafka.topics import create_topics
from services.runtime.mongo.client import client
from services.runtime.settings import Settings
from tests.bench.filing import (
    AT_ALL_HOURS,
    TEMPLATES,
    code_of,
    file_steadily,
    register_contacts,
)
from tests.bench.told import Told, read_told
from tests.chaos.patience import Patience
from tests.support.eventually import soon
from tests.support.fork_server import fork

Tell = Callable[[str], None]

_PAUSE = 0.1
_PARTITIONS = 4
_CONNECTIONS = ChannelSettings().gateway_connections
_ON_THE_WAY = 4 * _CONNECTIONS
"""An instance has so many messages on their way to a gateway: four for each connection."""


@dataclass
class Away:
    """What a gateway's absence came to."""

    dossiers: int
    messages: int
    seconds_away: float
    waiting: int
    """Dossiers with messages that were due when it came back."""
    seconds_until_told: float
    """From its return until nothing was due any more."""
    wrong: list[str]


@dataclass
class Keyless:
    """What a gateway that ignores keys came to."""

    dossiers: int
    messages: int
    twice_by_kill: list[int] = field(default_factory=list)
    """How many messages were accepted once more than before, kill by kill."""
    wrong: list[str] = field(default_factory=list)


async def away(stack: Stack, folder: Path, seconds: float, rate: float, tell: Tell) -> Away:
    """So many dossiers are filed a second, before, while the gateway is away, and after."""
    endpoints = await _fresh(stack)
    before = after = int(rate * 10)
    during = int(rate * seconds)
    count = before + during + after
    with _city(endpoints, folder) as city:
        city.start_all(processes=SERVICES)
        city.start("notify")
        city.wait_ready()
        await register_contacts(endpoints.kafka, endpoints.mongo, count)
        producer = EventProducer(endpoints.kafka)
        await producer.start()
        await file_steadily(producer, range(before), rate)
        _behaves(endpoints, away=True)
        began = time.monotonic()
        tell(f"the gateway is away, {rate:.0f} dossiers a second are filed")
        half = before + during // 2
        await file_steadily(producer, range(before, half), rate)
        tell("an instance of notify is killed, another one starts")
        city.kill(city.of("notify"))
        city.start("notify")
        await file_steadily(producer, range(half, before + during), rate)
        _behaves(endpoints, away=False)
        back = time.monotonic()
        waiting = await _due(endpoints)
        tell(f"the gateway is back, {waiting:,} dossiers wait")
        await file_steadily(producer, range(before + during, count), rate)
        await producer.stop()
        await _all_planned(endpoints, count)
        await _all_told(endpoints, city)
        done = time.monotonic()
        told = await read_told(endpoints.kafka, endpoints.gateway_ledger)
    wrong = _wrong(told, count)
    if twice := [key for key, number in told.accepted.items() if number > 1]:
        wrong.append(f"{len(twice)} messages accepted twice by a gateway that honours our keys")
    return Away(count, len(told.meant), back - began, waiting, done - back, wrong)


async def keyless(stack: Stack, folder: Path, kills: int, rate: float, tell: Tell) -> Keyless:
    """Kills notify so often between the gateway's answer and our record of it."""
    endpoints = await _fresh(stack)
    each = int(rate * 10)
    found = Keyless(each * kills, 0)
    with _city(endpoints, folder) as city:
        city.start_all(processes=SERVICES)
        await register_contacts(endpoints.kafka, endpoints.mongo, found.dossiers)
        _behaves(endpoints, ignore_keys=True)
        producer = EventProducer(endpoints.kafka)
        await producer.start()
        twice = 0
        for kill in range(kills):
            city.kill(city.of("notify"))
            doomed = city.start("notify", stop_at=f"message-accepted:{each + kill}")
            await file_steadily(producer, range(kill * each, (kill + 1) * each), rate)
            await soon(lambda: _ended(doomed.process.poll), timeout=120.0, what="the kill")  # noqa: B023
            if doomed.process.returncode != -9:
                city.check(doomed)
            city.instances.remove(doomed)
            city.start("notify")
            await _all_planned(endpoints, (kill + 1) * each)
            await _all_told(endpoints, city)
            told = await read_told(endpoints.kafka, endpoints.gateway_ledger)
            now = told.accepted.total() - len(told.accepted)
            found.twice_by_kill.append(now - twice)
            twice = now
        await producer.stop()
    found.messages = len(told.meant)
    found.wrong = _wrong(told, found.dossiers)
    if (most := max(found.twice_by_kill)) > _ON_THE_WAY:
        found.wrong.append(f"{most} messages accepted twice after one kill; {_ON_THE_WAY} may be")
    tell(f"accepted twice after each of {kills} kills: {_histogram(found.twice_by_kill)}")
    return found


def _city(endpoints: Endpoints, folder: Path) -> City:
    return City(
        endpoints,
        folder,
        launch=fork,
        partitions=_PARTITIONS,
        channels="sms",
        sms_rate=1_000.0,
        session_timeout_ms=2000,
        **AT_ALL_HOURS,
    )


async def _fresh(stack: Stack) -> Endpoints:
    stack.reset()
    endpoints = stack.up()
    await create_topics(
        Settings(kafka=endpoints.kafka, mongo=endpoints.mongo, partitions=_PARTITIONS)
    )
    return endpoints


def _behaves(endpoints: Endpoints, **behaviour: object) -> None:
    page = f"{endpoints.gateway_page}/control"
    httpx.post(page, json=behaviour, timeout=10).raise_for_status()


async def _ended(poll: Callable[[], int | None]) -> bool:
    return poll() is not None


async def _all_planned(endpoints: Endpoints, dossiers: int) -> None:
    """Waits until the delivery engine knows of all messages about so many dossiers."""
    mongo = client(endpoints.mongo)
    # Each message is a key of its dossier's document, whatever became of it.
    messages = {"$size": {"$objectToArray": "$state.messages"}}
    complete = {"$expr": {"$gte": [messages, len(TEMPLATES)]}}

    patience = Patience(120.0)
    try:
        while True:
            count = await mongo["motcua_notify"]["deliveries"].count_documents(complete)
            if count >= dossiers:
                return
            patience.see(f"{dossiers - count} dossiers' messages are not planned")
            await asyncio.sleep(_PAUSE)
    finally:
        mongo.close()


async def _due(endpoints: Endpoints) -> int:
    mongo = client(endpoints.mongo)
    try:
        found = await mongo["motcua_notify"]["deliveries"].count_documents(
            {"state.pending": {"$gt": 0}}
        )
        return int(found)
    finally:
        mongo.close()


async def _all_told(endpoints: Endpoints, city: City) -> None:
    """Waits until no message is due any more.

    On a slow machine answers come too late, and a message that was tried in vain a few times is put
    off for up to a quarter of an hour: that is longer than nothing moves otherwise.
    """
    patience = Patience(1_000.0)
    while waiting := await _due(endpoints):
        for instance in city.instances:
            city.check(instance)
        patience.see(f"the messages about {waiting} dossiers")
        await asyncio.sleep(_PAUSE)


def _wrong(told: Told, dossiers: int) -> list[str]:
    """What a gateway's misbehaviour must never do."""
    wrong: list[str] = []
    templates = {code: frozenset(said) for code, said in told.templates().items()}
    codes = {code_of(number) for number in range(dossiers)}
    if odd := [code for code in codes if templates.get(code) != TEMPLATES]:
        wrong.append(f"of {len(odd)} dossiers another thing is told, e.g. {sorted(odd)[:3]}")
    if lost := told.meant.keys() - told.accepted.keys():
        wrong.append(f"{len(lost)} messages lost")
    if extra := told.accepted.keys() - told.meant.keys():
        wrong.append(f"{len(extra)} messages that nobody should have got")
    if told.not_sent:
        wrong.append(f"not sent: {dict(told.not_sent)}")
    return wrong


def _histogram(series: list[int]) -> str:
    return ", ".join(f"{many} after {kills}" for many, kills in sorted(Counter(series).items()))
