"""A producer that has lost a batch is replaced, whoever wrote with it."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError, OutOfOrderSequenceNumber

from contracts.events.clock import CLOCK_SUBJECT
from contracts.wire.codec import Record
from contracts.wire.topics import DOSSIER_EVENTS
from services.runtime import Clients, EventProducer
from tests.simulation.broker import Broker
from tests.simulation.chances import Chances
from tests.simulation.clients import Producer, clients_of


class Loses(Producer):
    """An idempotent producer: the first one loses its first batch, and then takes no other."""

    made: list[Loses]

    def __init__(self, broker: Broker, owner: str, **options: Any) -> None:
        super().__init__(broker, owner, **options)
        self._is_first = not self.made
        self._has_lost = False
        self.made.append(self)

    async def send_batch(self, *args: Any, **options: Any) -> Any:
        if not self._is_first:
            return await super().send_batch(*args, **options)
        if self._has_lost:
            raise OutOfOrderSequenceNumber
        self._has_lost = True
        raise KafkaTimeoutError


RECORD = Record(CLOCK_SUBJECT.encode(), b"{}", [])


@pytest.mark.parametrize("everywhere", [True, False])
async def test_a_write_after_a_lost_one_is_made_by_a_new_producer(everywhere: bool) -> None:
    broker = Broker(Chances(), 2, session=1.0)
    kafka = clients_of(broker, "")
    Loses.made = []
    clients = Clients(lambda *topics, **o: Loses(broker, "", **o), kafka.consumer, kafka.admin)
    producer = EventProducer("", clients)

    async def write() -> None:
        if everywhere:
            await producer.write_everywhere(DOSSIER_EVENTS, RECORD)
        else:
            await producer.write(DOSSIER_EVENTS, [RECORD])

    with pytest.raises(KafkaTimeoutError):
        await write()
    await write()
    assert len(broker.records(DOSSIER_EVENTS)) == (2 if everywhere else 1)
