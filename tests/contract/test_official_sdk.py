"""Our records as CloudEvents' own SDK reads them, and its records as we do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

import contracts
from contracts.wire import codec

SAMPLES = sorted((Path(contracts.__file__).parent / "samples").glob("*.json"))


def sample(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return document


def as_the_sdk_reads(record: codec.Record) -> Any:
    # Without the key: the SDK makes an attribute of it, which the Kafka binding (3.1) forbids.
    message = KafkaMessage(headers=dict(record.headers), key=None, value=record.value)
    return from_kafka(message, JSONFormat(), CloudEvent)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
class TestTheSampleOf:
    def test_is_read_by_the_sdk_as_we_wrote_it(self, path: Path) -> None:
        event = codec.from_json(sample(path))
        record = codec.encode(event)
        read = as_the_sdk_reads(record)
        assert read.get_specversion() == "1.0"
        assert read.get_datacontenttype() == "application/json"
        assert (read.get_id(), read.get_source()) == (event.id, event.source)
        assert (read.get_type(), read.get_subject()) == (event.type, event.subject)
        assert read.get_time() == event.time
        assert read.get_data() == json.loads(record.value)
        assert read.get_extension("causationid") == event.cause
        assert read.get_extension("fingerprint") == event.fingerprint
        assert (read.get_extension("history") == "true") == event.history

    def test_is_read_by_us_as_the_sdk_wrote_it(self, path: Path) -> None:
        event = codec.from_json(sample(path))
        read = as_the_sdk_reads(codec.encode(event))
        written = to_binary(read, JSONFormat(), key_mapper=lambda _: event.subject)
        # It writes headers percent-encoded, as HTTP needs them. Kafka's headers are UTF-8 as it
        # stands: the binding's own example (3.2.5) has "/mycontext/subcontext" in one.
        headers = [(name, unquote_to_bytes(value)) for name, value in written.headers.items()]
        assert codec.decode(event.subject.encode(), written.value, headers) == event

    def test_is_read_by_us_from_the_json_that_the_sdk_writes(self, path: Path) -> None:
        event = codec.from_json(sample(path))
        written = JSONFormat().write(as_the_sdk_reads(codec.encode(event)))
        assert codec.from_json(json.loads(written)) == event
