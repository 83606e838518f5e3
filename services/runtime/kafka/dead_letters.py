"""One service's dead letters: read, redriven, purged. The commands are built on this."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence

from aiokafka import TopicPartition

from contracts.wire.topics import dead_letters
from services.runtime.core.dead_letter import DeadLetter, read_dead_letter, redriven
from services.runtime.kafka.clients import AIOKAFKA
from services.runtime.kafka.producer import EventProducer

_TRUNCATED = "its body was too large to keep; mend it at its source, then purge the letter"


class CannotRedrive(Exception):
    """A dead letter cannot be put back. The text says which, and why."""


class DeadLetters:
    """One service's dead letters."""

    def __init__(self, bootstrap: str, service: str) -> None:
        self._bootstrap = bootstrap
        self._service = service
        self._producer = EventProducer(bootstrap)

    async def __aenter__(self) -> DeadLetters:
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def still_open(self) -> list[DeadLetter]:
        """Return the dead letters that nothing has closed, in the order in which they arrived."""
        topic = dead_letters(self._service)
        consumer = AIOKAFKA.consumer(bootstrap_servers=self._bootstrap)
        await consumer.start()
        try:
            partition = TopicPartition(topic, 0)
            consumer.assign([partition])
            await consumer.seek_to_beginning(partition)
            end = (await consumer.end_offsets([partition]))[partition]
            letters: dict[str, DeadLetter] = {}
            while await consumer.position(partition) < end:
                for records in (await consumer.getmany(timeout_ms=1000)).values():
                    for record in records:
                        found = read_dead_letter(self._service, record)
                        if isinstance(found, DeadLetter):
                            letters.setdefault(found.id, found)
                        else:
                            letters.pop(found, None)
            return list(letters.values())
        finally:
            await consumer.stop()

    async def redrive(
        self, letters: Sequence[DeadLetter], *, timeout: float = 30.0
    ) -> list[DeadLetter]:
        """Put dead letters back, each dossier's in order; return those still open afterwards.

        A dossier's dead letters are put back all together or not at all, to keep their order: name
        one, and those held behind it go too. Wait until the service has handled them. Raise
        CannotRedrive for a dead letter whose body was not kept.
        """
        return await self._put_back(letters, skip=False, timeout=timeout)

    async def purge(
        self, letters: Sequence[DeadLetter], *, timeout: float = 30.0
    ) -> list[DeadLetter]:
        """Give dead letters up for good: the service goes on as if they had never existed."""
        return await self._put_back(letters, skip=True, timeout=timeout)

    async def _put_back(
        self, letters: Sequence[DeadLetter], *, skip: bool, timeout: float
    ) -> list[DeadLetter]:
        wanted = {letter.id for letter in letters}
        deadline = time.monotonic() + timeout
        before: set[str] = set()
        while True:
            still = [letter for letter in await self.still_open() if letter.id in wanted]
            now = {letter.id for letter in still}
            if not still or now == before or time.monotonic() > deadline:
                return still
            before = now
            for letter in still:
                if letter.truncated and not skip:
                    raise CannotRedrive(f"{letter.id}: {_TRUNCATED}")
            for topic, records in _in_order(still).items():
                orders = [self._producer.order_of(redriven(r, skip=skip)) for r in records]
                await self._producer.write(topic, orders)
            await self._handled(now, deadline)

    async def _handled(self, ids: set[str], deadline: float) -> None:
        # Closed ones disappear from the open ones. A dead letter that fails again never does.
        quiet_until = time.monotonic() + 3.0
        left = ids
        while left and time.monotonic() < min(deadline, quiet_until):
            now = {letter.id for letter in await self.still_open()} & ids
            if now != left:
                left, quiet_until = now, time.monotonic() + 3.0
            if left:
                await asyncio.sleep(0.1)


def _in_order(letters: Iterable[DeadLetter]) -> dict[str, list[DeadLetter]]:
    by_topic: dict[str, list[DeadLetter]] = defaultdict(list)
    for letter in sorted(letters, key=lambda x: (x.subject, x.number)):
        by_topic[letter.topic].append(letter)
    return by_topic
