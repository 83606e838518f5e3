"""A log that may be tampered with, and the command that finds it out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from contracts.wire.codec import Record
from contracts.wire.topics import CITY_AUDIT
from deploy.local.stack.stack import Stack
from motcua.cli import build
from services.runtime.audit.audit import Audit, audited
from services.runtime.audit.chain_keys import NO_KEY, ChainKey
from services.runtime.audit.link import AuditEntry
from services.runtime.kafka.clients import AIOKAFKA
from services.runtime.kafka.producer import EventProducer
from services.runtime.kafka.topics import create_topics
from services.runtime.loop.clock import WallClock
from services.runtime.settings import Settings
from tests.support.audits import entry
from tests.support.eventually import soon
from tests.support.stage import read_topic


@dataclass
class Log:
    """The audit's topic on a broker whose administrator we are."""

    settings: Settings
    stack: Stack

    def records(self) -> list[Any]:
        """All that stands on the topic."""
        return asyncio.run(read_topic(self.settings.kafka, CITY_AUDIT))

    def write(self, *entries: AuditEntry, service: str = "sla", key: ChainKey = NO_KEY) -> str:
        """A process tells these, or five readings, and ends; return its chain."""
        return asyncio.run(self._write(entries or tuple(map(entry, range(5))), service, key))

    async def _write(self, entries: Sequence[AuditEntry], service: str, key: ChainKey) -> str:
        audit = Audit(service, EventProducer(self.settings.kafka), WallClock(), key=key)
        async with audited(audit):
            for each in entries:
                await audit.write(each)
        return audit.chain.id

    def tamper(self, change: Callable[[list[Record]], Sequence[Record]]) -> None:
        """Put this in place of the topic, as only its administrator can."""
        kept = [Record(r.key, r.value, ()) for r in self.records()]
        asyncio.run(self._replace(change(kept)))

    def empty(self) -> None:
        """Begin with an empty topic."""
        asyncio.run(self._replace(()))

    async def _replace(self, records: Sequence[Record]) -> None:
        admin = AIOKAFKA.admin(bootstrap_servers=self.settings.kafka)
        await admin.start()
        try:
            await admin.delete_topics([CITY_AUDIT])

            async def gone() -> bool:
                return CITY_AUDIT not in await admin.list_topics()

            await soon(gone, what="the topic's end")
        finally:
            await admin.close()
        await create_topics(self.settings)
        producer = EventProducer(self.settings.kafka)
        await producer.write(CITY_AUDIT, records)
        await producer.stop()

    def command(
        self, *words: str, exit_code: int = 0, env: Mapping[str, str] | None = None
    ) -> Result:
        """Run ``motcua audit``."""
        told = {"COLUMNS": "80", "MOTCUA_KAFKA": self.settings.kafka, **(env or {})}
        result = CliRunner().invoke(build(["audit"]), ["audit", *words], env=told)
        assert result.exit_code == exit_code, (result.output, result.exception)
        assert all(len(line) <= 80 for line in result.stdout.splitlines())
        return result


@pytest.fixture(scope="module")
def own_log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    stack = Stack(
        tmp_path_factory.mktemp("audit"), "audit", die_with_parent=True, kafka_heap_mb=256
    )
    stack.up()
    settings = Settings(kafka=stack.endpoints().kafka, mongo=stack.endpoints().mongo, partitions=1)
    asyncio.run(create_topics(settings))
    yield Log(settings, stack)
    stack.reset()


@pytest.fixture
def log(own_log: Log) -> Log:
    """The log, with an empty audit."""
    own_log.empty()
    return own_log
