"""A dead letter: a record that could not be handled, with the reason, as its topic holds it.

Each service has one topic of dead letters. A dead letter is the original record (key, body and
headers) with added headers that begin with ``dl_``. A later record in the same topic, which names
it, settles it: so the topic alone tells which are still open.

A timer is no record. One that raises makes a dead letter of a record that never was: it says up to
when the subject's timers were being fired, and put back, it has them fired again up to then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiokafka import ConsumerRecord

from contracts.values import rfc3339
from contracts.wire.codec import Fault, Record
from contracts.wire.mac import ORDER_HEADER

KEPT_BODY = 1_000_000
"""The most bytes of an original body that are kept. A larger body stays where it was found."""

REDRIVE = "motcua_redrive"
"""The header of a redriven record: ``service:number:letter``, and ``:skip`` to give it up."""
_OF_AN_ORDER = (REDRIVE, ORDER_HEADER)
TIMERS = "motcua_timers"
"""The header of what stands for a subject's timers: up to when they were fired, RFC 3339."""

_ORDER = re.compile(r"(?P<service>\w+):(?P<number>\d{1,9}):(?P<letter>[^:]+)(?P<skip>:skip)?", re.A)


@dataclass(frozen=True)
class DeadLetter:
    """One record among the dead letters."""

    service: str
    id: str
    """The id that commands use: topic, partition and offset of the original; of timers, the topic,
    the partition and an id of their own."""
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    """The headers of the original record."""
    fault: str
    detail: str
    number: int
    """Its number among the dead letters of its subject, from 1; 0 if it holds no subject."""
    time: str
    """When it became a dead letter, RFC 3339."""
    truncated: bool = False

    @property
    def topic(self) -> str:
        """The topic that the record is put back on."""
        return self.id.rsplit("/", 2)[0]

    @property
    def subject(self) -> str:
        """The key as readable text."""
        return "" if self.key is None else self.key.decode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class Redrive:
    """What the header of a redriven record says."""

    service: str
    number: int
    skip: bool


def place_of(record: ConsumerRecord[Any, Any]) -> str:
    """Return where a record stands: topic, partition and offset."""
    return f"{record.topic}/{record.partition}/{record.offset}"


def timers_record(subject: str, until: datetime) -> Record:
    """Return what stands for a subject's timers that were fired up to that time."""
    return Record(subject.encode(), b"", [(TIMERS, rfc3339(until).encode())])


def timers_until(headers: Mapping[str, bytes]) -> datetime | None:
    """Return up to when a record has timers fired; None if it stands for no timers."""
    text = headers.get(TIMERS)
    try:
        return None if text is None else datetime.fromisoformat(text.decode())
    except ValueError:
        return None  # anyone may write nonsense here: it is a record like another


def to_dead_letter(
    place: str,
    record: ConsumerRecord[Any, Any] | Record,
    fault: Fault,
    detail: str,
    number: int,
    now: datetime,
) -> Record:
    """Return the dead letter of a record, ready for the topic of dead letters.

    `place` identifies it: topic, partition, and the place in it.
    """
    value: bytes = record.value or b""
    own = [(k, v) for k, v in record.headers if not k.startswith("dl_") and k not in _OF_AN_ORDER]
    about = {
        "dl_id": place,
        "dl_fault": str(fault),
        "dl_detail": detail[:4000],
        "dl_number": str(number),
        "dl_time": rfc3339(now),
    }
    if len(value) > KEPT_BODY:
        about["dl_truncated"] = str(len(value))
        value = value[:1000]
    headers = [*own, *((k, v.encode()) for k, v in about.items())]
    return Record(record.key, value, headers)


def closing_record(dead_letter_id: str, key: bytes | None, outcome: str) -> Record:
    """Return the record that says what became of a dead letter: ``redriven`` or ``purged``."""
    headers = [("dl_settles", dead_letter_id.encode()), ("dl_outcome", outcome.encode())]
    return Record(key, b"", headers)


def redriven(letter: DeadLetter, *, skip: bool) -> Record:
    """Return the record that puts a dead letter back on its topic, for this service alone."""
    order = f"{letter.service}:{letter.number}:{letter.id}" + (":skip" if skip else "")
    return Record(letter.key, letter.value or b"", [*letter.headers, (REDRIVE, order.encode())])


def redrive_of(headers: Any) -> tuple[Redrive, str] | None:
    """Return what the redrive header says and the dead letter's id; None if no header is valid."""
    for name, value in headers:
        if name == REDRIVE:
            # Anyone who may write to the topic can write nonsense here: it must stop nothing.
            match = _ORDER.fullmatch((value or b"").decode("utf-8", "replace"))
            if match is not None:
                redrive = Redrive(match["service"], int(match["number"]), bool(match["skip"]))
                return redrive, match["letter"]
    return None


def read_dead_letter(service: str, record: ConsumerRecord[Any, Any]) -> DeadLetter | str:
    """Return the dead letter in a record, or the id of the dead letter that the record closes."""
    about = {k: v.decode() for k, v in record.headers if k.startswith("dl_")}
    if "dl_settles" in about:
        return str(about["dl_settles"])
    return DeadLetter(
        service=service,
        id=about["dl_id"],
        key=record.key,
        value=record.value,
        headers=tuple((k, v) for k, v in record.headers if not k.startswith("dl_")),
        fault=about["dl_fault"],
        detail=about["dl_detail"],
        number=int(about["dl_number"]),
        time=about["dl_time"],
        truncated="dl_truncated" in about,
    )
