"""Tells the broker of a secured stack what each user may do, as soon as it serves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from aiokafka.errors import KafkaConnectionError, KafkaError, for_code
from aiokafka.protocol.admin import CreateAclsRequest
from pydantic import SecretStr

from deploy.access.rights import RIGHTS, Operation, Resource, Rights, load_rights
from deploy.local.host.ports import is_free
from deploy.local.secured.secured import ADMIN, MECHANISM, Secured
from services.runtime import KafkaAccess, Mechanism, Protocol, clients_with

# Kafka's own numbers (org.apache.kafka.common.acl, .resource).
_RESOURCES = {Resource.TOPIC: 2, Resource.GROUP: 3, Resource.TRANSACTION: 5}
_OPERATIONS = {
    Operation.READ: 3,
    Operation.WRITE: 4,
    Operation.CREATE: 5,
    Operation.DESCRIBE: 8,
    Operation.DESCRIBE_CONFIGS: 10,
}
_LITERAL, _ALLOW = 3, 3


def serves(secured: Secured, port: int, told: Path) -> bool:
    """Return whether the broker takes the administrator's requests; first tell it the rights.

    `told` is the file that says which rights it was told already.
    """
    if is_free(port):
        return False  # nothing listens yet
    digest = sha256(RIGHTS.read_bytes()).hexdigest()
    knows = told.exists() and told.read_text() == digest
    rights = () if knows else load_rights()
    # Whoever starts a stack may be running an event loop.
    with ThreadPoolExecutor(1) as thread:
        there = thread.submit(lambda: asyncio.run(_told(secured, port, rights))).result()
    if there and not knows:
        told.write_text(digest)
    return there


async def _told(secured: Secured, port: int, all_: Sequence[Rights]) -> bool:
    access = KafkaAccess(
        security_protocol=Protocol.SASL_SSL,
        sasl_mechanism=Mechanism(MECHANISM),
        user=ADMIN,
        password=SecretStr(secured.password(ADMIN)),
        ca_file=secured.ca,
    )
    producer = clients_with(lambda: access).producer(
        bootstrap_servers=f"127.0.0.1:{port}", request_timeout_ms=5_000
    )
    try:
        await producer.start()
    except KafkaConnectionError:
        return False  # its users are not known to it yet
    else:
        for rights in all_:
            await _tell(producer.client, rights)
        return True
    finally:
        await producer.stop()


async def _tell(client: object, rights: Rights) -> None:
    for allowed in rights.allowed():
        request = CreateAclsRequest(
            _RESOURCES[allowed.resource],
            allowed.name,
            _LITERAL,
            f"User:{rights.user}",
            "*",
            _OPERATIONS[allowed.operation],
            _ALLOW,
        )
        node = client.get_random_node()  # type: ignore[attr-defined]
        answer = await client.send(node, request)  # type: ignore[attr-defined]
        for code, message in answer.creation_responses:
            if code:
                raise KafkaError(f"{for_code(code).__name__}: {message}")
