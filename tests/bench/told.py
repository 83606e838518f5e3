"""What the city meant to tell, as the log has it, beside what the provider says it took."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiokafka import TopicPartition

from contracts.events import notify
from contracts.events.clock import ClockTicked
from contracts.wire.codec import decode, type_of
from contracts.wire.topics import DOSSIER_EVENTS, NOTIFICATION_EVENTS
from deploy.local.fakes.gateway.accepted import read_accepted_messages
from services.runtime.kafka.clients import AIOKAFKA
from services.runtime.kafka.offsets import Offsets


@dataclass(frozen=True)
class Meant:
    """A message that was planned."""

    dossier: str
    cause: str
    """The id of the fact that it tells of."""
    template: str


@dataclass
class Told:
    """Planned and accepted messages, by id. The ids are the idempotency keys."""

    written: dict[str, datetime] = field(default_factory=dict)
    """By the id of a record of the log of dossiers: when its first copy was written there."""
    meant: dict[str, Meant] = field(default_factory=dict)
    not_sent: Counter[str] = field(default_factory=Counter)
    """By reason."""
    accepted: Counter[str] = field(default_factory=Counter)
    """How often the provider accepted it."""
    accepted_at: dict[str, datetime] = field(default_factory=dict)
    """When it did so first."""

    def delays(self) -> dict[str, timedelta]:
        """From the writing of a fact to the provider's acceptance, by message."""
        return {
            key: at - self.written[self.meant[key].cause]
            for key, at in self.accepted_at.items()
            if key in self.meant
        }

    def templates(self) -> dict[str, set[str]]:
        """What each dossier's citizen was to be told."""
        found: dict[str, set[str]] = {}
        for meant in self.meant.values():
            found.setdefault(meant.dossier, set()).add(meant.template)
        return found


async def read_told(kafka: str, ledger: Path) -> Told:
    """Reads both whole."""
    told = Told()
    await _read(kafka, told)
    for entry in read_accepted_messages(ledger):
        told.accepted[entry.key] += 1
        told.accepted_at.setdefault(entry.key, datetime.fromisoformat(entry.time))
    return told


async def _read(kafka: str, told: Told) -> None:
    offsets = Offsets(kafka)
    ends = {
        TopicPartition(topic, partition): end
        for topic in (DOSSIER_EVENTS, NOTIFICATION_EVENTS)
        for partition, end in (await offsets.ends(topic)).items()
    }
    await offsets.stop()
    consumer = AIOKAFKA.consumer(bootstrap_servers=kafka)
    await consumer.start()
    consumer.assign(list(ends))
    await consumer.seek_to_beginning(*ends)
    while any([await consumer.position(tp) < end for tp, end in ends.items()]):
        for partition, records in (await consumer.getmany(timeout_ms=1000)).items():
            for record in records:
                if type_of(record.headers) == ClockTicked.TYPE:
                    continue
                event = decode(record.key, record.value, record.headers)
                if partition.topic == DOSSIER_EVENTS:
                    at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
                    told.written.setdefault(event.id, at)
                elif isinstance(event.data, notify.MessagePlanned):
                    data = event.data
                    meant = Meant(event.subject, data.cause_id, data.template)
                    told.meant[data.message_id] = meant
                elif isinstance(event.data, notify.MessageNotSent):
                    told.not_sent[event.data.reason] += 1
    await consumer.stop()
