"""Puts sets of rules on the log: each whole, numbered, in every partition at once or in none.

A set is written in one Kafka transaction. Its id is the lock: whoever begins an enactment shuts out
another one that is under way, which then takes no effect, and only afterwards reads which number
comes next. So two enactments never have the same number, and a half-written one is never read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    IllegalOperation,
    InvalidProducerEpoch,
    InvalidTxnState,
    ProducerFenced,
)

from contracts.events.rules import RULES_SUBJECT, RulesEnacted
from contracts.rules.rule_set import Files, RuleSet, digest
from contracts.values import rfc3339, to_utc_millis
from contracts.wire.codec import MAX_RULES, Record, decode, encode
from contracts.wire.envelope import Event, derive_id
from contracts.wire.topics import CITY_RULES, TOPICS
from services.runtime.kafka.clients import AIOKAFKA, Clients
from services.runtime.kafka.topics import TopicsWrong
from services.runtime.record_keys import record_keys
from services.runtime.settings import ClockKind, Settings

log = structlog.get_logger("motcua.rules")

RULES_TRANSACTION = "motcua-rules"
"""The id of the transaction in which a set of rules is enacted."""
_UNFINISHED = 15_000
"""Milliseconds after which the broker gives a transaction up whose writer has died. As long,
readers wait before it."""


_SHUT_OUT = (ProducerFenced, InvalidProducerEpoch, InvalidTxnState, IllegalOperation)
"""What a producer raises whose transaction another one has ended: at a send, an ack or its end."""


class NotEnacted(Exception):
    """The set was not enacted, anywhere. The text says why, and what to do."""


async def enacted_sets(settings: Settings, clients: Clients = AIOKAFKA) -> list[RuleSet]:
    """Return every enacted set, by number.

    Raise TopicsWrong if their topic is missing, and what aiokafka raises if the broker is away.
    """
    place = TopicPartition(CITY_RULES, 0)
    keys = record_keys(settings)
    consumer = clients.consumer(
        bootstrap_servers=settings.kafka,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=MAX_RULES,
    )
    found: list[RuleSet] = []
    try:
        await consumer.start()
        if CITY_RULES not in await consumer.topics():
            raise TopicsWrong(f"topic {CITY_RULES} is missing; run: motcua topics create")
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        while await consumer.position(place) < end:
            for record in (await consumer.getmany(place, timeout_ms=500)).get(place, ()):
                if keys is not None and (
                    reason := keys.fault(
                        record.key,
                        record.value,
                        record.headers,
                        dict(record.headers),
                        record.timestamp,
                    )
                ):
                    log.critical("a forged set of rules", offset=record.offset, reason=reason)
                    continue
                data = decode(record.key, record.value, record.headers).data
                assert isinstance(data, RulesEnacted)
                found.append(_set_of(data))
    finally:
        await consumer.stop()
    return found


async def enact(
    settings: Settings,
    files: Files,
    since: datetime | None,
    by: str,
    clients: Clients = AIOKAFKA,
) -> RuleSet:
    """Write the files as the next set, in force from `since`, or from now on; return it.

    The caller has checked them. Raise NotEnacted if another enactment came between, if the set in
    force is the same, or if `since` has passed: what happened after it is decided already. (The
    first set counts for all earlier times too.)
    """
    async with _transactions(settings, clients) as producer:
        known = await enacted_sets(settings, clients)
        sha256 = digest(files)
        if known and known[-1].sha256 == sha256:
            raise NotEnacted(f"set {known[-1].number} is the same; there is nothing to enact")
        now = to_utc_millis(datetime.now(UTC))
        since = now if since is None else to_utc_millis(since)
        if settings.clock is ClockKind.STREAM:
            now = since  # a simulated city has a time of its own, which only its log knows
        if known and since < now:
            raise NotEnacted(f"{rfc3339(since)} has passed: name a time from now on")
        number = known[-1].number + 1 if known else 1
        data = RulesEnacted(number=number, since=since, sha256=sha256, files=dict(files), by=by)
        event = Event(
            id=derive_id("rules", number, sha256),
            source="/motcua/rules",
            subject=RULES_SUBJECT,
            time=now,
            data=data,
        )
        keys = record_keys(settings)
        record = encode(event)
        await _write(producer, record if keys is None else keys.keys.signed(record))
    return _set_of(data)


async def _write(producer: AIOKafkaProducer, record: Record) -> None:
    acks: list[asyncio.Future[Any]] = []
    try:
        async with producer.transaction():
            for topic in (each.name for each in TOPICS if each.broadcast):
                for partition in sorted(await producer.partitions_for(topic)):
                    acks.append(  # noqa: PERF401  (those before a failure are needed)
                        await producer.send(
                            topic,
                            record.value,
                            key=record.key,
                            partition=partition,
                            headers=list(record.headers),
                        )
                    )
            await asyncio.gather(*acks)
    except _SHUT_OUT as error:
        await asyncio.gather(*acks, return_exceptions=True)  # all for the same reason
        raise NotEnacted(
            "another enactment came between and this one took no effect: look at "
            "`motcua rules list`, then try again"
        ) from error


@asynccontextmanager
async def _transactions(settings: Settings, clients: Clients) -> AsyncIterator[AIOKafkaProducer]:
    producer = clients.producer(
        bootstrap_servers=settings.kafka,
        transactional_id=RULES_TRANSACTION,
        transaction_timeout_ms=_UNFINISHED,
        acks="all",
        # The broker's limit is for what is compressed.
        compression_type="gzip",
        max_request_size=MAX_RULES,
    )
    try:
        await producer.start()
        yield producer
    finally:
        await producer.stop()


def _set_of(data: RulesEnacted) -> RuleSet:
    return RuleSet(data.number, data.since, data.sha256, data.files, data.by)
