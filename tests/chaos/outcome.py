"""What a run of the city came to, so that two runs can be compared."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition

from contracts.events import notify
from contracts.events.clock import ClockTicked
from contracts.events.rules import RulesEnacted
from contracts.model import EventData
from contracts.wire.codec import decode, type_of
from contracts.wire.topics import DOSSIER_EVENTS, NOTIFICATION_EVENTS, UNIT_ALERTS
from deploy.local.fakes.gateway.accepted import read_accepted_messages
from deploy.local.fakes.smtp.accepted import read_accepted_mails
from deploy.local.stack.endpoints import Endpoints
from motcua.deciders import city_deciders
from motcua.replay.parting import Parting
from services.runtime.kafka.clients import AIOKAFKA
from services.runtime.kafka.offsets import Offsets
from services.runtime.mongo.client import Client, client
from services.runtime.mongo.store import Store
from services.runtime.testing import state_hash

TOPICS = (DOSSIER_EVENTS, NOTIFICATION_EVENTS, UNIT_ALERTS)
"""What two runs are compared by."""


@dataclass
class Outcome:
    """The net result of a run, and how often what was written twice."""

    states: dict[str, dict[str, str]] = field(default_factory=dict)
    """By service and dossier: the hash of the state."""
    facts: dict[str, str] = field(default_factory=dict)
    """By id: what each distinct record of the log and of the notifications says."""
    records: int = 0
    """Records on the log, repetitions counted."""
    repeated: int = 0
    """Records whose id stood in the log already: known and ignored by every reader."""
    messages: Counter[str] = field(default_factory=Counter)
    """By Message-ID: how often the SMTP server accepted it."""
    sms: Counter[str] = field(default_factory=Counter)
    """By idempotency key: how often the gateway accepted it."""
    receipts: Counter[str] = field(default_factory=Counter)
    """By message: how often the log says that it arrived."""
    mornings: dict[str, str] = field(default_factory=dict)
    """By alert: the morning whose digest it was left for, and the officer whom it names, as was
    said last. What was cleared before is in none."""
    alerts: set[str] = field(default_factory=set)
    """The ids of what was said to the units' mornings."""
    late: Counter[str] = field(default_factory=Counter)
    """Alerts by type."""
    decided_otherwise: list[Parting] = field(default_factory=list)
    """Where what was recorded is decided otherwise, under aliases and in one process."""
    not_as_rebuilt: list[str] = field(default_factory=list)
    """In words, what the log alone does not give as the stopped services had it."""


async def read_outcome(endpoints: Endpoints) -> Outcome:
    """Reads what is in the database, in the log, and in the SMTP server's own ledger."""
    outcome = Outcome()
    mongo = client(endpoints.mongo)
    await read_states(mongo, outcome)
    mongo.close()
    for topic in TOPICS:
        await _read_topic(endpoints.kafka, topic, outcome)
    outcome.messages = message_counts(endpoints.smtp_ledger)
    outcome.sms = Counter(entry.key for entry in read_accepted_messages(endpoints.gateway_ledger))
    return outcome


async def read_states(mongo: Client, outcome: Outcome) -> None:
    """Reads every service's states of dossiers."""
    for decider in city_deciders():
        store = Store(mongo[f"motcua_{decider.name}"][decider.collection], decider.state_type)
        outcome.states[decider.name] = {
            subject: state_hash(state) async for subject, state in store.states()
        }


def message_counts(ledger: Path) -> Counter[str]:
    """By Message-ID: how often the server accepted it."""
    return Counter(accepted.message_id for accepted in read_accepted_mails(ledger))


async def _read_topic(kafka: str, topic: str, outcome: Outcome) -> None:
    offsets = Offsets(kafka)
    ends = {TopicPartition(topic, p): end for p, end in (await offsets.ends(topic)).items()}
    await offsets.stop()
    consumer = AIOKAFKA.consumer(bootstrap_servers=kafka)
    await consumer.start()
    consumer.assign(list(ends))
    await consumer.seek_to_beginning(*ends)
    while any([await consumer.position(tp) < end for tp, end in ends.items()]):
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            for record in records:
                read_record(record, outcome)
    await consumer.stop()


def read_record(record: ConsumerRecord[Any, Any], outcome: Outcome) -> None:
    """Notes what a record of one of `TOPICS` says."""
    if type_of(record.headers) in (ClockTicked.TYPE, RulesEnacted.TYPE):
        return
    event = decode(record.key, record.value, record.headers)
    if isinstance(event.data, (notify.UnitAlerted, notify.UnitAlertCleared)):
        if event.id in outcome.alerts:
            return  # the desk knows it
        outcome.alerts.add(event.id)
    if isinstance(event.data, notify.UnitAlerted):
        outcome.mornings[event.data.alert_id] = f"{event.data.morning} {event.data.lead}"
        return
    if isinstance(event.data, notify.UnitAlertCleared):
        outcome.mornings.pop(event.data.alert_id, None)
        return
    if isinstance(event.data, notify.MessageDelivered):
        outcome.receipts[event.data.message_id] += 1
        return  # when a gateway says so is its own affair
    said = f"{event.subject} {event.type} {event.time.isoformat()} {_said(event.data)}"
    outcome.records += 1
    if event.id in outcome.facts:
        outcome.repeated += 1
        assert outcome.facts[event.id] == said, (
            f"one id says two things:\n{outcome.facts[event.id]}\n{said}"
        )
        return
    outcome.facts[event.id] = said
    if event.data.OWNER == "sla":
        outcome.late[event.data.NAME] += 1


def _said(data: EventData) -> str:
    """What a record says, but for which gateway took a message, and the names that it made up."""
    if isinstance(data, notify.MessageSent):
        data = data.model_copy(update={"reference": None, "provider": ""})
    return repr(data)


def differences(calm: Outcome, drilled: Outcome) -> list[str]:
    """In words, everything in which a drilled run's net result differs from a calm run's."""
    found = [f"rebuilt, calm: {what}" for what in calm.not_as_rebuilt]
    found += [f"rebuilt, drilled: {what}" for what in drilled.not_as_rebuilt]
    for service, states in calm.states.items():
        other = drilled.states[service]
        wrong = [
            code for code in states.keys() | other.keys() if states.get(code) != other.get(code)
        ]
        if wrong:
            found.append(f"{service}: {len(wrong)} states differ, e.g. {sorted(wrong)[:3]}")
    for label, some, others in (
        ("lost", calm.facts, drilled.facts),
        ("too many", drilled.facts, calm.facts),
    ):
        if odd := some.keys() - others.keys():
            found.append(f"{len(odd)} facts {label}, e.g. {[some[i] for i in sorted(odd)[:3]]}")
    if changed := [
        i for i in calm.facts.keys() & drilled.facts.keys() if calm.facts[i] != drilled.facts[i]
    ]:
        found.append(f"{len(changed)} facts say another thing, e.g. {calm.facts[changed[0]]}")
    if calm.mornings != drilled.mornings:
        moved = set(calm.mornings.items()) ^ set(drilled.mornings.items())
        found.append(f"{len(moved)} alerts are left for another morning or officer, or for none")
    if lost := calm.sms.keys() - drilled.sms.keys():
        found.append(f"{len(lost)} SMS lost")
    if extra := drilled.sms.keys() - calm.sms.keys():
        found.append(f"{len(extra)} SMS that nobody should have got")
    if twice := [key for key, count in drilled.sms.items() if count > 1]:
        found.append(f"{len(twice)} SMS accepted twice by a gateway that honours our keys")
    if lost := calm.messages.keys() - drilled.messages.keys():
        found.append(f"{len(lost)} messages lost")
    if extra := drilled.messages.keys() - calm.messages.keys():
        found.append(f"{len(extra)} messages that nobody should have got")
    return found
