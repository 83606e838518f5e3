"""Replays a recording with the real services, through a real Kafka and MongoDB."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from contracts.catalogue import load_catalogue
from contracts.events.clock import ClockTicked
from contracts.events.notify import MessageChannel, MessagePlanned
from contracts.rules import sample_rules
from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS, SERVICES
from deploy.local.stack.city import City
from deploy.local.stack.endpoints import Endpoints
from deploy.local.stack.stack import Stack
from motcua.deciders import all_deciders, city_deciders
from motcua.feed import Feed
from motcua.replay.aligned import fed
from motcua.replay.checked_lines import RecordingError
from motcua.replay.city_log import Found, city_log
from motcua.replay.outcome import DossierOutcome, outcome_of
from motcua.replay.recording import BROADCAST, Recording
from motcua.replay.replayed import Replayed, hash_of
from services.notify.dossier.policy import Policy
from services.runtime import ClockKind, Settings, Store, client, create_topics, state_hash

_BATCH = 2_000
_NO_SETTING = ("urgent_within", "often_within", "lasts", "truth_lasts")
"""What of a policy the services have as a constant of theirs."""
_SHOWN = 3
Told = Callable[[int, datetime], None]
"""Is told how many records were fed, and up to when the city's time has passed."""


@dataclass(frozen=True)
class Lived:
    """What the services came to."""

    hashes: dict[tuple[str, str], str]
    """The hash of each state in the database, by service or collection, and subject."""
    outcomes: dict[str, DossierOutcome]
    seconds: float
    """From the first record that was fed until all was at rest."""

    @property
    def hash(self) -> str:
        """Of all states, as a replay in one process has it."""
        return hash_of(self.hashes)

    def differences(self, done: Replayed) -> list[str]:
        """Return, in words, where they came to something else than the replay in process."""
        found = []
        kinds = sorted({key for key, _ in self.hashes.keys() | done.hashes.keys()})
        for kind in kinds:
            mine = {s: h for (key, s), h in self.hashes.items() if key == kind}
            theirs = {s: h for (key, s), h in done.hashes.items() if key == kind}
            found += _differing(f"states of {kind}", mine, theirs)
        for name in ("alerts", "messages"):
            here, there = (
                {code: sorted(t for t in getattr(o, name) if t.stands) for code, o in all_.items()}
                for all_ in (self.outcomes, done.outcomes)
            )
            found += _differing(f"dossiers with other net {name}", here, there)
        return found


def replay_through_kafka(
    recording: Recording,
    folder: Path,
    *,
    partitions: int = 4,
    speed: float = 0,
    told: Told = lambda _fed, _time: None,
) -> Lived:
    """Feed a recording to the four services on a local stack of its own; it is ended behind them.

    `speed`: recorded seconds a second; 0 is as fast as it goes. Raise RecordingError if the
    recording cannot be lived again, NotSettled, ServiceDied, and StackError.
    """
    _check(recording)
    stack = Stack(folder, "replay", die_with_parent=True)
    stack.reset()
    try:
        endpoints = stack.up()
        return asyncio.run(_lived(recording, folder, endpoints, partitions, speed, told))
    finally:
        stack.reset()


def _check(recording: Recording) -> None:
    header = recording.header
    fault = None
    if header.clock is not ClockKind.STREAM:
        fault = "it is of a city by the wall clock, whose services' time is this machine's"
    elif header.policy.channels != (MessageChannel.LEDGER,):
        fault = "its messages left the house, and the services would send them again"
    elif any(not one.number and one.sha256 != sample_rules().sha256 for one in header.rules):
        fault = "before its first enactment other rules than this release's sample were in force"
    else:
        usual = Policy(load_catalogue())
        if other := [n for n in _NO_SETTING if getattr(header.policy, n) != getattr(usual, n)]:
            fault = f"no setting of the services is for its {', '.join(other)}"
    if fault is not None:
        raise RecordingError(recording.path, 1, fault, "Replay it without --kafka")


async def _lived(
    recording: Recording,
    folder: Path,
    endpoints: Endpoints,
    partitions: int,
    speed: float,
    told: Told,
) -> Lived:
    settings = Settings(
        kafka=endpoints.kafka,
        mongo=endpoints.mongo,
        partitions=partitions,
        clock=ClockKind.STREAM,
    )
    await create_topics(settings)
    chosen = _environment(recording.header.policy)
    logs = folder / ".motcua" / "replay"
    with City(
        endpoints,
        logs,
        clock="stream",
        partitions=partitions,
        # What was recorded may be older than the sign-in.
        oidc_issuer=None,
        trial=True,
        **chosen,
    ) as city:
        city.start_all(processes=SERVICES)
        began = time.monotonic()
        await _feed(recording, endpoints.kafka, speed, told)
        seconds = time.monotonic() - began
    hashes: dict[tuple[str, str], str] = {}
    states: dict[str, dict[str, Any]] = {}
    async for key, topic, subject, state in _states(recording, endpoints.mongo):
        hashes[key, subject] = state_hash(state)
        if topic == DOSSIER_EVENTS:
            known = states.setdefault(subject, {})
            if key in ("sla", "notify"):  # an outcome is made of no other
                known[key] = state
    taken_back = await _taken_back(recording, endpoints.kafka)
    outcomes = {code: outcome_of(code, known, taken_back) for code, known in states.items()}
    return Lived(hashes, outcomes, seconds)


async def _feed(recording: Recording, kafka: str, speed: float, told: Told) -> None:
    feed = Feed(kafka)
    await feed.start()
    began = time.monotonic()
    first: datetime | None = None
    newest: dict[str, Event] = {}
    batch: list[Event] = []
    count = 0
    try:
        for record in fed(recording):
            event = record.event
            count += 1
            if event.subject not in BROADCAST:
                batch.append(event)
                if len(batch) == _BATCH:
                    await feed.send(batch)
                    batch = []
                continue
            await feed.send(batch)
            batch = []
            await feed.settle()
            await feed.producer.write_everywhere(record.topic, feed.producer.record_of(event))
            await feed.settle()  # so nothing is asked while timers fire
            if isinstance(event.data, ClockTicked):
                newest[record.topic] = event
                told(count, event.time)
                first = first or event.time
                if speed:
                    ahead = (event.time - first).total_seconds() / speed
                    await asyncio.sleep(max(0.0, ahead - (time.monotonic() - began)))
        await feed.send(batch)
        await feed.settle()
        # What the last tick brought may have timers that passed before it.
        for topic, event in newest.items():
            await feed.producer.write_everywhere(topic, feed.producer.record_of(event))
            await feed.settle()
    finally:
        await feed.stop()


async def _states(recording: Recording, mongo: str) -> AsyncIterator[tuple[str, str, str, Any]]:
    """Yield service or collection, topic, subject and state of all that is in the database."""
    connection = client(mongo)
    try:
        policy = recording.header.policy
        for decider in all_deciders(policy) if recording.whole else city_deciders(policy):
            collection = decider.collection
            dossiers = decider.topic == DOSSIER_EVENTS
            key = decider.name if dossiers else f"{decider.name}:{collection}"
            documents = connection[f"motcua_{decider.name}"][collection]
            async for subject, state in Store(documents, decider.state_type).states():
                yield key, decider.topic, subject, state
    finally:
        connection.close()


async def _taken_back(recording: Recording, kafka: str) -> set[str]:
    """Return the ids of the messages that proved wrong."""
    found = set()
    everything = Found(clock=ClockKind.STREAM)  # the services wrote it: all of it is readable
    async with city_log(kafka) as log:
        async for record in log.records(everything, recording.header.until, lambda _a, _b: None):
            data = record.event.data
            if isinstance(data, MessagePlanned) and data.takes_back is not None:
                found.add(data.takes_back)
    return found


def _environment(policy: Policy) -> dict[str, Any]:
    """Return the settings of notify by which it has this policy."""
    url = {
        f"{channel}_url": None
        for channel in (MessageChannel.SMS, MessageChannel.ZALO)
        if channel not in policy.carried
    }
    return {
        "channels": ",".join(policy.channels),
        "quiet_from": f"{policy.quiet.begins:%H:%M}",
        "quiet_until": f"{policy.quiet.ends:%H:%M}",
        "often": policy.often,
        "digest_after_minutes": int(policy.digest_after.total_seconds() // 60),
        "rating_after_minutes": int(policy.rating_after.total_seconds() // 60),
        "ratings": policy.ratings,
        "tells_officers": policy.tells_officers,
        "morning": f"{policy.morning:%H:%M}",
        "breach_after_minutes": int(policy.breach_after.total_seconds() // 60),
        "breach_every_minutes": int(policy.breach_every.total_seconds() // 60),
        **url,
    }


def _differing(what: str, mine: Mapping[str, object], theirs: Mapping[str, object]) -> list[str]:
    other = sorted(s for s in mine.keys() | theirs.keys() if mine.get(s) != theirs.get(s))
    return [f"{len(other):,} {what}: {', '.join(other[:_SHOWN])}"] if other else []
