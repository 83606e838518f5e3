"""Which errors are waited for, and which stop the service."""

from __future__ import annotations

import pytest
from aiokafka import errors as kafka
from pymongo import errors as mongo

from services.runtime.core.handle import TimerStuck
from services.runtime.transient import LOST_PARTITIONS, is_transient


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


@pytest.mark.parametrize("kind", LOST_PARTITIONS)
def test_a_lost_partition_is_never_waited_for(kind: type[Exception]) -> None:
    assert not is_transient(kind())
