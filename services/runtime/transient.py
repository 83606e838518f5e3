"""Which errors go away by themselves: those are waited for. Every other is a defect."""

from __future__ import annotations

from aiokafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    ServerSelectionTimeoutError,
    WTimeoutError,
)

_KAFKA = (KafkaConnectionError, KafkaTimeoutError, OutOfOrderSequenceNumber, ProducerClosed)
_MONGO = (
    AutoReconnect,
    NetworkTimeout,
    ServerSelectionTimeoutError,
    ExecutionTimeout,
    WTimeoutError,
)
_STEPPING_DOWN = frozenset({91, 189, 10107, 11600, 11602, 13435, 13436, 262, 64, 43})
"""MongoDB's codes for a primary that is going, gone or not yet there, a slow majority, a lost
cursor."""

LOST_PARTITIONS = (
    CommitFailedError,
    IllegalGenerationError,
    UnknownMemberIdError,
    RebalanceInProgressError,
)
"""What a commit says when the group has gone on without this instance."""


def is_transient(error: BaseException) -> bool:
    """Whether the broker or the database is away, so that the same may succeed later."""
    if isinstance(error, (*_KAFKA, *_MONGO, ConnectionError, TimeoutError)):
        return True
    if isinstance(error, KafkaError):
        return bool(error.retriable)
    if isinstance(error, BulkWriteError):
        faults = error.details.get("writeErrors") or []
        if faults:
            return all(fault.get("code") in _STEPPING_DOWN for fault in faults)
        return bool(error.details.get("writeConcernErrors"))
    return isinstance(error, OperationFailure) and error.code in _STEPPING_DOWN
