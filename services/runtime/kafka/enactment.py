"""Puts sets of rules on the log: each whole, numbered, in every partition at once or in none.

A set is written in one Kafka transaction. Its id is the lock: whoever begins an enactment shuts out
another one that is under way, which then takes no effect, and only afterwards reads which number
comes next. So two enactments never have the same number, and a half-written one is never read.
"""

from __future__ import annotations

from datetime import UTC, datetime

import structlog
from aiokafka import TopicPartition

from contracts.events.rules import RULES_SUBJECT, RulesEnacted
from contracts.rules.rule_set import Files, RuleSet, digest
from contracts.values import rfc3339, to_utc_millis
from contracts.wire.codec import MAX_RULES, decode
from contracts.wire.envelope import Event, derive_id
from contracts.wire.topics import CITY_RULES, TOPICS
from services.runtime.kafka.broadcast import ShutOut, broadcast, signed, transactions
from services.runtime.kafka.clients import AIOKAFKA, Clients
from services.runtime.kafka.topics import TopicsWrong
from services.runtime.record_keys import record_keys
from services.runtime.settings import ClockKind, Settings

log = structlog.get_logger("motcua.rules")

RULES_TRANSACTION = "motcua-rules"
"""The id of the transaction in which a set of rules is enacted."""


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
    async with transactions(settings, clients, RULES_TRANSACTION, MAX_RULES) as producer:
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
        try:
            topics = [each.name for each in TOPICS if each.broadcast]
            await broadcast(producer, signed(settings, event), topics)
        except ShutOut as error:
            raise NotEnacted(
                "another enactment came between and this one took no effect: look at "
                "`motcua rules list`, then try again"
            ) from error
    return _set_of(data)


def _set_of(data: RulesEnacted) -> RuleSet:
    return RuleSet(data.number, data.since, data.sha256, data.files, data.by)
