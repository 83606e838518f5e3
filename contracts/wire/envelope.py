"""The envelope that every event travels in, and the ids that are computed, not random."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b, sha1
from typing import Any

import msgspec

from contracts.model import EventData
from contracts.wire.actor import Actor

_IDS = bytes.fromhex("6f3ad6be3a4c5c0f9b8e6d5a4f1b7c21")
"""The namespace (RFC 9562) of every id that is derived from another."""


class Event(msgspec.Struct, frozen=True, dict=True):
    """One CloudEvent 1.0: what happened to which dossier, when, and who says so."""

    id: str
    source: str
    """Who says so: ``/motcua/intake``, or the older system that was imported."""
    subject: str
    """The dossier code (or, on `citizen.contacts`, the person)."""
    time: datetime
    """When it happened: UTC, to the millisecond."""
    data: EventData
    cause: str | None = None
    """The id of the event that this one answers (extension ``causationid``)."""
    history: bool = False
    """Whether an import tells it as history (extension ``history``)."""
    fingerprint: str | None = None
    """A hash of what an HTTP caller asked, so that one key cannot ask two things."""
    actor: Actor | None = None
    """Who asked for it (extensions ``authtype``, ``authid``, ``authclaims``); None if the record is
    older than that question."""
    recorded: datetime | None = None
    """When it was entered (extension ``recordedtime``): UTC, to the millisecond; None if nobody
    said. Kafka's timestamp, which the broker sets, is the second witness."""

    @property
    def type(self) -> str:
        """The CloudEvents type, with its version."""
        return self.data.TYPE

    @property
    def known_since(self) -> datetime:
        """When it was entered; when it happened, if nobody said."""
        return self.recorded or self.time


def derive_id(*parts: str | int) -> str:
    """Return the UUIDv5 of the parts: the same parts give the same id, on any machine."""
    name = "\x1f".join(map(str, parts)).encode()
    text = sha1(_IDS + name, usedforsecurity=False).hexdigest()
    variant = "89ab"[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"


def short_id(event_id: str) -> bytes:
    """Return eight bytes that stand for an event's id among the ids of one dossier."""
    return blake2b(event_id.encode(), digest_size=8).digest()


def caused(by: Event, source: str, data: Sequence[EventData]) -> list[Event]:
    """Return the events that an event causes: with ids derived from its id, and with its times and
    its actor, so that deciding it again gives the same events."""
    return [
        Event(
            id=derive_id(by.id, source, item.TYPE, ordinal),
            source=source,
            subject=(item.SUBJECT_FIELD and getattr(item, item.SUBJECT_FIELD)) or by.subject,
            time=by.time,
            data=item,
            cause=by.id,
            history=by.history,
            actor=by.actor,
            recorded=by.recorded,
        )
        for ordinal, item in enumerate(data)
    ]


def fingerprint(body: Any) -> str:
    """Return a hash of a JSON-like value that does not depend on the order of its keys."""
    return blake2b(msgspec.json.encode(body, order="deterministic"), digest_size=12).hexdigest()
