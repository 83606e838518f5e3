"""The one place where clients of Kafka are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient


class Make(Protocol):
    """Makes a client with these options, which are aiokafka's. Nothing is connected yet."""

    def __call__(self, **options: Any) -> Any: ...


@dataclass(frozen=True)
class Clients:
    """Makes what writes, reads and asks; all three behave as aiokafka's do."""

    producer: Make
    consumer: Make
    admin: Make


AIOKAFKA = Clients(AIOKafkaProducer, AIOKafkaConsumer, AIOKafkaAdminClient)
"""Clients of a real broker."""
