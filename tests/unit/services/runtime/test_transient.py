"""Which errors are waited for, and which stop the service."""

from __future__ import annotations

import errno
from socket import EAI_NONAME, gaierror

import pytest
from aiokafka import errors as kafka
from pymongo import errors as mongo

from services.runtime.core.handle import TimerStuck
from services.runtime.transient import LOST_PARTITIONS, REFUSED_RECORD, is_transient


@pytest.mark.parametrize(
    "error",
    [
        kafka.KafkaConnectionError(),
        kafka.KafkaTimeoutError(),
        kafka.NodeNotReadyError(),  # not a subclass of the two above; says so itself
        kafka.NotLeaderForPartitionError(),
        kafka.RequestTimedOutError(),
        kafka.OutOfOrderSequenceNumber(),
        kafka.ProducerClosed(),
        mongo.AutoReconnect(),
        mongo.NotPrimaryError(),
        mongo.NetworkTimeout(),
        mongo.ServerSelectionTimeoutError(),
        mongo.ExecutionTimeout("slow", 50),
        mongo.WTimeoutError("slow", 64),
        mongo.OperationFailure("going", 189),
        mongo.OperationFailure("stepping down", 11602),
        mongo.BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 64}]}),
        mongo.WaitQueueTimeoutError("no connection was free"),
        mongo.OperationFailure("no member is reached", 133),
        mongo.OperationFailure("the snapshot is too old", 239),
        mongo.OperationFailure("the change stream's history is lost", 286),
        mongo.BulkWriteError({"writeErrors": [{"code": 91}]}),
        kafka.UnknownProducerId(),
        gaierror(EAI_NONAME, "Name or service not known"),
        OSError(errno.EHOSTUNREACH, "No route to host"),
        OSError(errno.ENETUNREACH, "Network is unreachable"),
        ConnectionRefusedError(),
        ConnectionResetError(),
        TimeoutError(),
    ],
)
def test_what_passes_by_itself_is_waited_for(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError(),
        AssertionError(),
        OSError("no space left"),
        OSError(errno.ENOSPC, "No space left on device"),
        PermissionError(errno.EACCES, "Permission denied"),
        mongo.OperationFailure("unknown operator: $is", 2),
        mongo.InvalidOperation("after close"),
        TimerStuck(),
        kafka.TopicAuthorizationFailedError(),
        kafka.MessageSizeTooLargeError(),
        kafka.UnsupportedVersionError(),
        mongo.OperationFailure("not authorised", 13),
        mongo.OperationFailure("no code"),
        mongo.DuplicateKeyError("twice", 11000),
        mongo.DocumentTooLarge("16 MB"),
        mongo.BulkWriteError({"writeErrors": [{"code": 2}]}),
        mongo.BulkWriteError({"writeErrors": [{"code": 2}], "writeConcernErrors": [{"code": 64}]}),
        mongo.BulkWriteError({}),
    ],
)
def test_what_does_not_pass_by_itself_stops_the_service(error: Exception) -> None:
    assert not is_transient(error)


@pytest.mark.parametrize("kind", REFUSED_RECORD)
def test_a_refused_record_is_not_tried_again(kind: type[Exception]) -> None:
    assert not is_transient(kind())


@pytest.mark.parametrize("kind", LOST_PARTITIONS)
def test_a_lost_partition_is_never_waited_for(kind: type[Exception]) -> None:
    assert not is_transient(kind())
