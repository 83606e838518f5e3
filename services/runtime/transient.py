"""Which errors are transient, and so are waited for. Every other error is a defect.

Only this module decides it, so that an outage counts as an outage, and a wrong query as a defect,
for engines, senders, pages and routes alike.
"""

from __future__ import annotations

import errno
from socket import gaierror

from aiokafka.errors import (
    BrokerNotAvailableError,
    CommitFailedError,
    IllegalGenerationError,
    InvalidTimestampError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    KafkaUnavailableError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    RebalanceInProgressError,
    RecordListTooLargeError,
    RecordTooLargeError,
    UnknownMemberIdError,
    UnknownProducerId,
)
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    WTimeoutError,
)

_KAFKA = (
    BrokerNotAvailableError,
    KafkaConnectionError,
    KafkaTimeoutError,
    KafkaUnavailableError,
    # An idempotent producer that was dropped or forgotten starts afresh.
    OutOfOrderSequenceNumber,
    ProducerClosed,
    UnknownProducerId,
)
_MONGO = (ConnectionFailure, ExecutionTimeout, WTimeoutError)
_NETWORK = frozenset(
    {
        errno.EADDRNOTAVAIL,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETRESET,
        errno.ENETUNREACH,
    }
)
"""The machine's errors for an absent network, besides `ConnectionError` and `TimeoutError`."""
_STEPPING_DOWN = frozenset({91, 189, 10107, 11600, 11602, 13435, 13436, 262, 64, 43})
"""MongoDB's codes for a primary that is going, gone or not yet elected, a slow majority, a lost
cursor."""
_UNREACHED = frozenset({6, 7, 89, 133, 134, 9001})
"""MongoDB's codes for members that cannot reach each other, or not yet again."""
_NO_SNAPSHOT = frozenset({239, 246})
"""MongoDB's codes for a moment that it no longer or not yet has, e.g. while it builds an index."""
_LOST_STREAM = frozenset({136, 237, 280, 286})
"""MongoDB's codes for a change stream that cannot go on and can be opened anew."""
_CODES = _STEPPING_DOWN | _UNREACHED | _NO_SNAPSHOT | _LOST_STREAM

REFUSED_RECORD = (
    InvalidTimestampError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RecordTooLargeError,
)
"""The broker's errors for one record alone: the other records can be written."""
LOST_PARTITIONS = (
    CommitFailedError,
    IllegalGenerationError,
    UnknownMemberIdError,
    RebalanceInProgressError,
)
"""The errors of a commit when the group has gone on without this instance."""


def is_transient(error: BaseException) -> bool:
    """Return whether broker, database or network are away, so that a retry may succeed."""
    if isinstance(error, (*_KAFKA, *_MONGO, ConnectionError, TimeoutError, gaierror)):
        return True
    if isinstance(error, OSError):
        return error.errno in _NETWORK
    if isinstance(error, KafkaError):
        return bool(error.retriable)
    if isinstance(error, BulkWriteError):
        faults = error.details.get("writeErrors") or []
        if faults:
            return all(fault.get("code") in _CODES for fault in faults)
        return bool(error.details.get("writeConcernErrors"))
    return isinstance(error, OperationFailure) and error.code in _CODES
