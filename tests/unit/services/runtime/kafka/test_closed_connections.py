"""A connection that is closed under uvloop is a broken one to aiokafka, and no defect."""

from __future__ import annotations

import asyncio

import pytest
import uvloop
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.admin import ApiVersionRequest

from services.runtime.kafka.closed_connections import tell_closed_connections


async def _sends_on_a_closed_connection() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connection = AIOKafkaConnection("127.0.0.1", port)
    _, connection._writer = await asyncio.open_connection("127.0.0.1", port)
    connection._writer.transport.abort()
    lost = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(lost.set_result, None)
    await lost  # the transport is closed in a turn of the loop; aiokafka has not read that
    try:
        connection.send(ApiVersionRequest())
    finally:
        connection.close()
        server.close()


def test_what_is_sent_on_a_connection_that_the_loop_has_closed_can_be_sent_again() -> None:
    tell_closed_connections()
    tell_closed_connections()
    with pytest.raises(KafkaConnectionError) as told:
        uvloop.run(_sends_on_a_closed_connection())
    assert told.value.retriable
    assert isinstance(told.value.__cause__, RuntimeError)
