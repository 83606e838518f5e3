"""Makes aiokafka treat a connection that uvloop has closed as broken.

When the broker has closed a connection and aiokafka has not read that yet, a write raises OSError
with asyncio's own loop, and RuntimeError with uvloop. aiokafka expects only OSError
(aio-libs/aiokafka issue 1038): the task that coordinates a consumer ends for good, and the consumer
gets no partitions even after the broker is back. To be deleted once aiokafka expects both.
"""

from __future__ import annotations

from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError, KafkaError

_send = AIOKafkaConnection.send


def tell_closed_connections() -> None:
    """Make `send` raise KafkaConnectionError, which is retried; calling this again is a no-op."""
    AIOKafkaConnection.send = _send_or_tell


def _send_or_tell(connection: Any, request: Any, expect_response: bool = True) -> Any:
    try:
        return _send(connection, request, expect_response)
    except KafkaError:
        raise  # aiokafka's own errors are also RuntimeErrors
    except RuntimeError as error:
        connection.close(reason=CloseReason.CONNECTION_BROKEN)
        where = f"{connection.host}:{connection.port}"
        raise KafkaConnectionError(f"Connection at {where} is closed: {error}") from error
