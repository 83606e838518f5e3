"""Events as Kafka records and back, after the CloudEvents 1.0 Kafka binding in binary mode."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import from_json as parse_json

import contracts.events  # noqa: F401  (registers every event class)
from contracts.events.rules import RULES_SUBJECT
from contracts.model import NAMESPACE, EventData, registered
from contracts.values import rfc3339, to_utc_millis
from contracts.wire.actor import Actor, AuthType, said_to_be
from contracts.wire.envelope import Event
from contracts.wire.upcasters import SAID_BY, UPCASTERS, newest_type, upcast

Headers = Sequence[tuple[str, bytes]]

MAX_BODY = 1_000_000
"""The largest body, in bytes, that a service reads."""
MAX_RULES = 8_000_000
"""The same of a set of rules, which is compressed on its way."""

_CLASSES = registered()
_CURRENT = {cls.NAME: cls.VERSION for cls in _CLASSES.values()}
_TYPE = re.compile(rf"{re.escape(NAMESPACE)}\.(?P<name>[A-Za-z]+)\.v(?P<version>\d{{1,6}})\Z")
_TYPE_BYTES = {cls.TYPE: cls.TYPE.encode() for cls in _CLASSES.values()}
_TYPE_NAMES = {text: name for name, text in _TYPE_BYTES.items()}
_FIXED: Headers = (
    ("ce_specversion", b"1.0"),
    ("content-type", b"application/json"),
)


_ACTOR = ("authtype", "authid", "authclaims")
_REQUIRED = ("ce_id", "ce_source", "ce_type", "ce_subject", "ce_time")


class Fault(StrEnum):
    """Why a record cannot be handled. A dead letter carries it as its reason."""

    MISSING_HEADER = "missing-header"
    BAD_HEADER = "bad-header"
    UNKNOWN_TYPE = "unknown-type"
    NEWER_VERSION = "newer-version"
    WRONG_KEY = "wrong-key"
    BAD_BODY = "bad-body"
    TOO_LARGE = "too-large"
    DECISION_RAISED = "decision-raised"
    TIMER_RAISED = "timer-raised"
    STATE_TOO_LARGE = "state-too-large"
    HELD = "held"
    FORGED = "forged"
    """Nobody who may write it has written it, by its MAC."""


class BadRecord(Exception):
    """A record that no retry will make valid. The text says what is wrong and where."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(f"{fault}: {detail}")
        self.fault = fault
        self.detail = detail


class Record(NamedTuple):
    """What is written to Kafka."""

    key: bytes | None
    value: bytes
    headers: Headers


def encode(event: Event) -> Record:
    """Return the event as a Kafka record. It is made once: an event is folded, then written."""
    made: Record | None = event.__dict__.get("record")
    if made is None:
        made = event.__dict__["record"] = _encode(event)
    return made


def _encode(event: Event) -> Record:
    subject, time = event.subject.encode(), rfc3339(event.time).encode()
    headers = [
        # First, because every reader looks for it, and most then read no further.
        ("ce_type", _TYPE_BYTES[event.data.TYPE]),
        ("ce_id", event.id.encode()),
        *_FIXED,
        ("ce_source", event.source.encode()),
        ("ce_subject", subject),
        ("ce_time", time),
    ]
    if event.cause is not None:
        headers.append(("ce_causationid", event.cause.encode()))
    if event.history:
        headers.append(("ce_history", b"true"))
    if event.fingerprint is not None:
        headers.append(("ce_fingerprint", event.fingerprint.encode()))
    recorded = event.recorded
    if recorded is not None:
        # What is entered as it happens has one text for both.
        text = time if recorded == event.time else rfc3339(recorded).encode()
        headers.append(("ce_recordedtime", text))
    if event.actor is not None:
        headers += _headers_of(event.actor)
    body = type(event.data).__pydantic_serializer__.to_json(event.data, exclude_none=True)
    return Record(subject, body, headers)


@lru_cache(maxsize=4096)
def _headers_of(actor: Actor) -> Headers:
    """Return the headers of an actor; a city's officers are few, their records are many."""
    named = (
        ("ce_authtype", actor.authtype),
        ("ce_authid", actor.authid),
        ("ce_authclaims", actor.authclaims),
    )
    return tuple((name, value.encode()) for name, value in named if value is not None)


@lru_cache(maxsize=4096)
def _actor(kind: bytes, who: bytes | None, claims: bytes | None) -> Actor:
    return Actor(
        AuthType(kind.decode()),
        None if who is None else who.decode(),
        None if claims is None else claims.decode(),
    )


def type_of(headers: Headers) -> str | None:
    """Return the CloudEvents type in the headers, without reading anything else."""
    for name, value in headers:
        if name == "ce_type" and value is not None:
            return _TYPE_NAMES.get(value) or value.decode("utf-8", "replace")
    return None


def is_known(type_name: str) -> bool:
    """Return whether this or another service knows the type in the given version."""
    return type_name in _CLASSES or type_name in UPCASTERS


def decode(key: bytes | None, value: bytes | None, headers: Headers) -> Event:
    """Return the event in a Kafka record, upcast to its type's current version.

    Raise BadRecord, with the fault and the place, for anything that is not a valid event.
    """
    return decode_fields(key, value, dict(headers))


def decode_fields(key: bytes | None, value: bytes | None, fields: dict[str, bytes]) -> Event:
    """Do the same for headers that are a mapping already."""
    try:
        event_id = fields["ce_id"].decode()
        source = fields["ce_source"].decode()
        type_name = fields["ce_type"].decode()
        subject = fields["ce_subject"].decode()
        time_text = fields["ce_time"].decode()
        cause = _optional(fields, "ce_causationid")
        mark = _optional(fields, "ce_fingerprint")
        recorded_text = _optional(fields, "ce_recordedtime")
        kind = fields.get("ce_authtype")
        actor = (
            None
            if kind is None
            else _actor(kind, fields.get("ce_authid"), fields.get("ce_authclaims"))
        )
    except KeyError as error:
        raise BadRecord(Fault.MISSING_HEADER, f"the header {error.args[0]} is missing") from error
    except AttributeError as error:
        # Kafka lets a header be null, whatever its type says here: null counts as missing.
        null = next(name for name in _REQUIRED if fields[name] is None)
        raise BadRecord(Fault.MISSING_HEADER, f"the header {null} is missing") from error
    except UnicodeDecodeError as error:
        raise BadRecord(Fault.BAD_HEADER, f"a header is not UTF-8: {error}") from error
    if not (event_id and source and subject):
        raise BadRecord(
            Fault.MISSING_HEADER,
            f"empty: ce_id is {event_id!r}, ce_source {source!r}, ce_subject {subject!r}",
        )
    if key is None or key != subject.encode():
        raise BadRecord(
            Fault.WRONG_KEY, f"the key is {key!r}, the subject {subject!r}: they must be equal"
        )
    time = _time("ce_time", time_text)
    # What is entered as it happens has one text for both.
    recorded = (
        None
        if recorded_text is None
        else time
        if recorded_text == time_text
        else _time("ce_recordedtime", recorded_text)
    )
    if value is None:
        raise BadRecord(Fault.BAD_BODY, "the record has no body")
    most = MAX_RULES if subject == RULES_SUBJECT else MAX_BODY
    if len(value) > most:
        raise BadRecord(Fault.TOO_LARGE, f"{len(value)} bytes, at most {most} are read")
    data = _data(type_name, value)
    if type_name in SAID_BY:
        actor = said_to_be(_by(type_name, value), actor)
    return Event(
        event_id,
        source,
        subject,
        time,
        data,
        cause,
        fields.get("ce_history") == b"true",
        mark,
        actor,
        recorded,
    )


def _time(name: str, text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRecord(Fault.BAD_HEADER, f"{name} is {text!r}, not RFC 3339") from error
    if time.tzinfo is None:
        raise BadRecord(Fault.BAD_HEADER, f"{name} is {text!r}, without an offset")
    if time.tzinfo is UTC and not time.microsecond % 1000:
        return time
    try:
        return to_utc_millis(time)
    except ValueError as error:
        raise BadRecord(Fault.BAD_HEADER, f"{name} is {text!r}: {error}") from error


def _optional(fields: dict[str, bytes], name: str) -> str | None:
    value = fields.get(name)
    return None if value is None else value.decode()


def _data(type_name: str, value: bytes) -> EventData:
    cls = _CLASSES.get(type_name)
    try:
        if cls is not None:
            return cls.__pydantic_validator__.validate_json(value)  # type: ignore[no-any-return]
        if type_name in UPCASTERS:
            current, body = upcast(type_name, parse_json(value))
            return _CLASSES[current].model_validate(body)
    except ValidationError as error:
        raise BadRecord(Fault.BAD_BODY, f"{type_name}: {_places(error)}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadRecord(Fault.BAD_BODY, f"{type_name}: {error!r}") from error
    match = _TYPE.match(type_name)
    newest = _CURRENT.get(match["name"]) if match else None
    if match and newest is not None and int(match["version"]) > newest:
        raise BadRecord(
            Fault.NEWER_VERSION,
            f"{type_name}: version {newest} is the newest known here; upgrade, then redrive",
        )
    raise BadRecord(Fault.UNKNOWN_TYPE, f"no event type {type_name!r} is known here")


def _by(type_name: str, value: bytes) -> str:
    """Return who acts by the body of an old version."""
    by = parse_json(value).get("by")
    if not isinstance(by, str) or not 0 < len(by) <= 64:
        raise BadRecord(Fault.BAD_BODY, f"{type_name}: by: no staff number")
    return by


def _places(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['msg']}" for fault in error.errors()
    )


def types(*classes: type[EventData]) -> frozenset[str]:
    """Return the type names that records of these classes may have, old versions included."""
    names = {cls.TYPE for cls in classes}
    return frozenset(names | {old for old in UPCASTERS if newest_type(old) in names})


def to_json(event: Event) -> dict[str, Any]:
    """Return the event in the CloudEvents JSON format, as recordings and samples keep it."""
    document: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": rfc3339(event.time),
        "datacontenttype": "application/json",
        "data": event.data.model_dump(mode="json"),
    }
    if event.cause is not None:
        document["causationid"] = event.cause
    if event.history:
        document["history"] = True
    if event.fingerprint is not None:
        document["fingerprint"] = event.fingerprint
    if event.recorded is not None:
        document["recordedtime"] = rfc3339(event.recorded)
    if event.actor is not None:
        for name in _ACTOR:
            if (value := getattr(event.actor, name)) is not None:
                document[name] = value
    return document


def from_json(document: dict[str, Any]) -> Event:
    """Return the event in a CloudEvents JSON document. Raise BadRecord like `decode`."""
    plain: Iterable[str] = (
        *("id", "source", "type", "subject", "time", "causationid", "fingerprint"),
        *("recordedtime", *_ACTOR),
    )
    # In CloudEvents, null means unset too. A lone surrogate must reach the check in `decode`.
    headers = [
        (f"ce_{k}", str(document[k]).encode(errors="surrogatepass"))
        for k in plain
        if document.get(k) is not None
    ]
    if document.get("history"):
        headers.append(("ce_history", b"true"))
    key = dict(headers).get("ce_subject")
    return decode(key, json.dumps(document.get("data")).encode(), headers)
