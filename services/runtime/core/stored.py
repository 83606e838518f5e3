"""What is kept of one subject: its state, and what makes handling a record again a no-op."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic
from zlib import crc32

import msgspec

from contracts.events.refusals import Refusal
from contracts.wire.codec import Record, encode, from_json, to_json
from contracts.wire.envelope import Event, short_id
from services.runtime.core.decider import S, Timer
from services.runtime.core.world import World

_ID = 8
_CONTENT = 4
UNKNOWN = bytes(_CONTENT)
"""Stands for the content of an event that was applied before contents were kept."""
LAYOUT = 2
"""The version of the documents' layout, but for the state in them. In 1, `ids` had no contents."""
_ANSWERS = 200
"""The number of answers kept of one subject, the newest. Nobody asks for older ones."""
_BUILTIN = (datetime, bytes)


class NewerLayout(Exception):
    """A newer release has written a state: this one must not write over it."""

    def __init__(self, subject: str, found: int, known: int) -> None:
        super().__init__(
            f"the state of {subject} has layout {found}, this release knows {known}: a newer "
            "release has written it; start that one"
        )


class RequestAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The outcome of a request that someone waits for."""

    request: str
    """The request's id."""
    fingerprint: str
    fact: str
    """The answering fact's type."""
    fact_id: str
    reason: str | None = None
    """Why it was refused; None if it was not."""
    detail: str | None = None


class Hold(msgspec.Struct, frozen=True):
    """A subject that waits until its dead letters are redriven, so that order is kept."""

    count: int
    """The number of its records that are dead letters, numbered from 1."""
    next: int
    """The number of the dead letter that is redriven next."""
    fault: str
    detail: str
    offset: int = -1
    """The offset of the record held last: earlier records of its partition were dealt with."""


class Stored(Generic[S]):
    """One subject in memory. Only the engine's one writer changes it, in place."""

    __slots__ = (
        "answers",
        "applied",
        "due",
        "encoded",
        "hold",
        "ids",
        "partition",
        "state",
        "subject",
        "unsaid",
        "v",
        "waits",
    )

    def __init__(self, subject: str, partition: int, state: S) -> None:
        self.subject = subject
        self.partition = partition
        self.state = state
        self.v = 0
        """The number of writes, 0 if not yet stored. The fence against a stale owner."""
        self.ids: bytes = b""
        self.applied: dict[bytes, bytes] = {}
        """Of each applied event, by its `short_id`, what its record's `content_of` returned."""
        self.answers: tuple[RequestAnswer, ...] = ()
        self.hold: Hold | None = None
        self.due: datetime | None = None
        self.unsaid: list[Event] = []
        """What its timers decided, folded into the state and written before it is published. The
        next owner publishes it before anything else is decided."""
        self.waits: tuple[S, World, Timer | None] | None = None
        """The timer of a state in a world, so that it is not looked for again; in memory only."""
        self.encoded: Any = None
        """The document as it is about to be written, if it was weighed; in memory only."""

    def knows(self, short: bytes) -> bool:
        """Return whether the event with this `short_id` was applied."""
        return short in self.applied

    def differs(self, short: bytes, content: bytes) -> bool:
        """Return whether an applied event has come back with another content."""
        known = self.applied[short]
        return known != content and known != UNKNOWN

    def note(self, short: bytes, content: bytes) -> None:
        """Remember that an event of this content was applied."""
        self.applied[short] = content
        self.ids += short + content

    def answer(self, request: Event, facts: list[Event]) -> None:
        """Remember the answer to a request that someone waits for."""
        if request.fingerprint is None or not facts:
            return
        data = facts[0].data
        refusal = data if isinstance(data, Refusal) else None
        answer = RequestAnswer(
            request.id,
            request.fingerprint,
            facts[0].type,
            facts[0].id,
            refusal.reason if refusal else None,
            refusal.detail if refusal else None,
        )
        self.answers = (*self.answers[1 - _ANSWERS :], answer)

    def copy(self) -> tuple[Any, ...]:
        """Return what `restore` needs to undo what comes next."""
        return self.state, self.ids, self.answers, self.hold

    def restore(self, snapshot: tuple[Any, ...]) -> None:
        """Undo everything since the snapshot."""
        self.state, self.ids, self.answers, self.hold = snapshot
        self.applied = _split(self.ids)

    def document(self) -> dict[str, Any]:
        """Return the subject as MongoDB keeps it, in its next version."""
        document = {
            "_id": self.subject,
            "p": self.partition,
            "v": self.v + 1,
            "layout": LAYOUT,
            "state_layout": layout_of(type(self.state)),
            "due": self.due,
            "ids": self.ids,
            "hold": msgspec.to_builtins(self.hold),
            "answers": msgspec.to_builtins(self.answers),
            "state": msgspec.to_builtins(self.state, builtin_types=_BUILTIN),
        }
        if self.unsaid:
            document["unsaid"] = [to_json(event) for event in self.unsaid]
        return document


def from_document(document: dict[str, Any], state_type: type[S]) -> Stored[S]:
    """Return the subject in a document, of this layout or an older one.

    Raise NewerLayout if a newer release wrote it, msgspec.ValidationError if it is not ours.
    """
    layout = document.get("layout", 1)
    if layout > LAYOUT:
        raise NewerLayout(document["_id"], layout, LAYOUT)
    state_layout = document.get("state_layout", 1)
    if state_layout > layout_of(state_type):
        raise NewerLayout(document["_id"], state_layout, layout_of(state_type))
    stored = Stored(document["_id"], document["p"], state_of(document, state_type))
    stored.v = document["v"]
    stored.ids = document["ids"] if layout > 1 else _with_contents(document["ids"])
    stored.applied = _split(stored.ids)
    if document["answers"]:
        stored.answers = msgspec.convert(document["answers"], tuple[RequestAnswer, ...])
    if document["hold"] is not None:
        stored.hold = msgspec.convert(document["hold"], Hold)
    stored.due = document["due"]
    stored.unsaid = [from_json(event) for event in document.get("unsaid", ())]
    return stored


def layout_of(state_type: type[msgspec.Struct]) -> int:
    """Return the version of a state's layout: its LAYOUT, 1 if it has none.

    A release that adds a field, or reads one in another way, raises it: an older release would drop
    the field when it writes the state.
    """
    return getattr(state_type, "LAYOUT", 1)


def state_of(document: dict[str, Any], state_type: type[S]) -> S:
    """Return only the state in a document."""
    return msgspec.convert(document["state"], state_type, builtin_types=_BUILTIN)


def mark_of(event: Event) -> tuple[bytes, bytes]:
    """Return the `short_id` of an event, and what `content_of` its record returns.

    They are made once: an event is folded, then expected to come back.
    """
    made: tuple[bytes, bytes] | None = event.__dict__.get("mark")
    if made is None:
        made = event.__dict__["mark"] = short_id(event.id), content_of(encode(event))
    return made


def content_of(record: Record) -> bytes:
    """Return four bytes that stand for what a record says: its body, and when it happened."""
    return content(record.value, dict(record.headers).get("ce_time"))


def content(value: bytes | None, time: bytes | None) -> bytes:
    """Return the same of a body, and of the text of when it happened. It never is `UNKNOWN`."""
    return (crc32(value or b"", crc32(time or b"")) or 1).to_bytes(_CONTENT, "big")


def _split(ids: bytes) -> dict[bytes, bytes]:
    return {
        ids[at : at + _ID]: ids[at + _ID : at + _ID + _CONTENT]
        for at in range(0, len(ids), _ID + _CONTENT)
    }


def _with_contents(ids: bytes) -> bytes:
    return b"".join(ids[at : at + _ID] + UNKNOWN for at in range(0, len(ids), _ID))
