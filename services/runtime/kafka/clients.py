"""The one place where clients of Kafka are made: each with this process's access to the broker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from services.runtime.kafka.access import KafkaAccess, Mechanism, kafka_access

if TYPE_CHECKING:
    from faststream.kafka import KafkaBroker
    from faststream.security import BaseSecurity


class Make(Protocol):
    """Makes a client with these options, which are aiokafka's. Nothing is connected yet.

    `topics`: what a consumer is subscribed to.
    """

    def __call__(self, *topics: str, **options: Any) -> Any: ...


@dataclass(frozen=True)
class Clients:
    """Makes what writes, reads and asks; all three behave as aiokafka's do."""

    producer: Make
    consumer: Make
    admin: Make


def clients_with(access: Callable[[], KafkaAccess]) -> Clients:
    """Return clients of a real broker. `access` is asked whenever one is made.

    Making one raises AccessWrong if the access makes no sense.
    """

    def with_access(kind: Make) -> Make:
        return lambda *topics, **options: kind(*topics, **options, **access().options())

    return Clients(
        with_access(AIOKafkaProducer),
        with_access(AIOKafkaConsumer),
        with_access(AIOKafkaAdminClient),
    )


AIOKAFKA = clients_with(kafka_access)
"""Clients of a real broker, with the access that the environment says."""


def faststream_broker(bootstrap: str, **options: Any) -> KafkaBroker:
    """Return FastStream's broker with these options, which are its own, and the same access."""
    from faststream.kafka import KafkaBroker

    return KafkaBroker(bootstrap.split(","), security=_security(kafka_access()), **options)


def _security(access: KafkaAccess) -> BaseSecurity:
    """Return the access in FastStream's words, which it hands on to aiokafka."""
    from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

    kinds = {
        Mechanism.PLAIN: SASLPlaintext,
        Mechanism.SCRAM_SHA_256: SASLScram256,
        Mechanism.SCRAM_SHA_512: SASLScram512,
    }
    options = access.options()
    tls = options.get("ssl_context")
    if not access.security_protocol.logs_in:
        return BaseSecurity(ssl_context=tls)
    return kinds[Mechanism(options["sasl_mechanism"])](
        username=options["sasl_plain_username"],
        password=options["sasl_plain_password"],
        ssl_context=tls,
    )
