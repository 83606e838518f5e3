"""One line of a recording: a CloudEvent in JSON, with its place in the recording and on the log."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from contracts.events.rules import RulesEnacted
from contracts.rules import RuleSet
from contracts.wire.codec import decode, encode
from contracts.wire.envelope import Event

SPEC = "1.0"
JSON = "application/json"
_WIDTH = 12
"""Digits of a `sequence`: the extension wants text whose order is the records' order."""
_SEQUENCE = b'"sequence":"'
_FILELESS = RulesEnacted.TYPE


class Recorded(NamedTuple):
    """A record of the log, at its place in a recording."""

    number: int
    """From 1, without gaps; the header is 0."""
    topic: str
    partition: int
    event: Event

    @property
    def lane(self) -> tuple[str, int]:
        """Where on the log it stood."""
        return self.topic, self.partition


class Line(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The attributes of a line; the data as it is written."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str = ""
    time: str
    datacontenttype: str
    sequence: str
    topic: str = ""
    partition: int = 0
    causationid: str | None = None
    history: bool = False
    fingerprint: str | None = None
    recordedtime: str | None = None
    authtype: str | None = None
    authid: str | None = None
    authclaims: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"{}")


class Glance(msgspec.Struct):
    """What must be known of a line to know whether it is of use."""

    type: str
    sequence: str
    time: str
    subject: str = ""
    recordedtime: str | None = None

    @property
    def known_since(self) -> datetime:
        """When it was entered; when it happened, if nobody said."""
        return datetime.fromisoformat(self.recordedtime or self.time)


_ATTRIBUTES = (
    *("id", "source", "type", "subject", "time", "causationid", "fingerprint", "recordedtime"),
    *("authtype", "authid", "authclaims"),
)
_read_line = msgspec.json.Decoder(Line).decode
_read_glance = msgspec.json.Decoder(Glance).decode
_write = msgspec.json.Encoder().encode


def sequence(number: int) -> str:
    """Return a place as the extension `sequence` has it."""
    return f"{number:0{_WIDTH}}"


def glance(text: bytes) -> Glance:
    """Return the least of a line. Raise msgspec.DecodeError if it is none."""
    return _read_glance(text)


def whole(text: bytes) -> Line:
    """Return all attributes of a line. Raise msgspec.DecodeError if it is none."""
    return _read_line(text)


def renumbered(text: bytes, number: int) -> bytes:
    """Return the text of a line at another place."""
    # No value has this in it: its quotation marks would be escaped there.
    before, mark, after = text.partition(_SEQUENCE)
    return before + mark + sequence(number).encode() + after[_WIDTH:]


def written(line: Line) -> bytes:
    """Return the line as text, with its end."""
    return _write(line) + b"\n"


def line_of(recorded: Recorded) -> Line:
    """Return the line of a record. A set of rules leaves its files to the header."""
    event = recorded.event
    record = encode(event)
    fields = {name.removeprefix("ce_"): value.decode() for name, value in record.headers}
    data = event.data
    body = record.value
    if isinstance(data, RulesEnacted):
        body = data.model_copy(update={"files": {}}).model_dump_json(exclude_none=True).encode()
    return Line(
        specversion=SPEC,
        datacontenttype=JSON,
        sequence=sequence(recorded.number),
        topic="" if recorded.topic == data.TOPIC else recorded.topic,
        partition=recorded.partition,
        history=event.history,
        data=msgspec.Raw(body),
        **{name: fields[name] for name in _ATTRIBUTES if name in fields},
    )


def recorded_of(line: Line, number: int, sets: dict[str, RuleSet]) -> Recorded:
    """Return the record of a line; `sets` has the header's sets of rules, by hash.

    Raise BadRecord, or KeyError with the hash of a set that the header does not have.
    """
    body = bytes(line.data)
    if line.type == _FILELESS:
        data = msgspec.json.decode(body)
        body = msgspec.json.encode({**data, "files": dict(sets[data["sha256"]].files)})
    headers = [
        (f"ce_{name}", value.encode())
        for name in _ATTRIBUTES
        if (value := getattr(line, name)) is not None
    ]
    if line.history:
        headers.append(("ce_history", b"true"))
    event = decode(line.subject.encode(), body, headers)
    return Recorded(number, line.topic or event.data.TOPIC, line.partition, event)
