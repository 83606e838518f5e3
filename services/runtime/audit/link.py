"""A link of the audit: what is told of one thing that happened, and how it hangs on the one before.

A link is a line of JSON. Its hash stands at its end and is made over the very bytes before it: no
reader has to write JSON as the writer did. The next link of the chain has it as `previous`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b

import msgspec

from contracts.values import rfc3339
from contracts.wire.actor import NOBODY, Actor, AuthType
from services.runtime.audit.chain_keys import NO_KEY, ChainKey
from services.runtime.audit.kinds import AuditKind

FORM = 1
"""The form in which links are written."""
BEGINNING = "0" * 64
"""What the first link of a chain names as the hash before it."""
_HASH_BEGINS = b',"hash":"'
_HASH_ENDS = b'"}'
_END = len(_HASH_BEGINS) + len(BEGINNING) + len(_HASH_ENDS)


class AuditEntry(msgspec.Struct, frozen=True):
    """What is told: never a name, an address of a person's home or mailbox, or a key."""

    kind: AuditKind
    actor: Actor = NOBODY
    address: str = ""
    """From where, as far as it is known: an IP address."""
    request: str = ""
    """The method and the route's template, or a command: never a query or a body."""
    dossier: str = ""
    """The dossier's code."""
    object: str = ""
    """What else it is about, e.g. an event's id or a period."""
    status: int = 0
    """What was answered over HTTP."""
    reason: str = ""
    """Why it was refused, by the problem's stable name."""
    times: int = 1
    """How often it happened, since the same was told last."""


class Link(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"address": "from"}
):
    """An entry in its place. Fields are written in this order."""

    v: int
    chain: str
    number: int
    time: str
    service: str
    key: int
    """The generation of the key that the hash is made under; 0 for none."""
    kind: AuditKind
    authtype: AuthType = NOBODY.authtype
    who: str = ""
    roles: tuple[str, ...] = ()
    unit: str = ""
    address: str = ""
    request: str = ""
    dossier: str = ""
    object: str = ""
    status: int = 0
    reason: str = ""
    times: int = 1
    previous: str
    hash: str = ""
    """Empty only while the link is being made."""


class NoLink(ValueError):
    """These bytes are no link."""


class Chain:
    """A process's chain: what it tells, one link after the other."""

    def __init__(self, service: str, key: ChainKey = NO_KEY, chain: str | None = None) -> None:
        self.id = chain or str(uuid.uuid4())
        self._service = service
        self._key = key
        self._links = 0
        self._previous = BEGINNING

    def next(self, entry: AuditEntry, time: datetime) -> bytes:
        """Return the next link, as it is written."""
        roles, unit = _claims(entry.actor.authclaims)
        body = msgspec.json.encode(
            Link(
                v=FORM,
                chain=self.id,
                number=self._links,
                time=rfc3339(time),
                service=self._service,
                key=self._key.generation,
                kind=entry.kind,
                authtype=entry.actor.authtype,
                who=entry.actor.authid or "",
                roles=roles,
                unit=unit,
                address=entry.address,
                request=entry.request,
                dossier=entry.dossier,
                object=entry.object,
                status=entry.status,
                reason=entry.reason,
                times=entry.times,
                previous=self._previous,
            )
        )[:-1]
        self._links += 1
        self._previous = digest(body, self._key.key)
        return body + _HASH_BEGINS + self._previous.encode() + _HASH_ENDS


def digest(body: bytes, key: bytes) -> str:
    """Return the hash of a link's bytes before its hash."""
    return blake2b(body, key=key, digest_size=32, person=b"motcua.audit").hexdigest()


def read_link(written: bytes) -> Link:
    """Return the link that was written. Raise NoLink if these bytes are none."""
    if written[-_END : -_END + len(_HASH_BEGINS)] != _HASH_BEGINS or written[-2:] != _HASH_ENDS:
        raise NoLink("it does not end with a hash")
    try:
        link = _decode(written)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NoLink(f"it is no link: {error}") from error
    if link.v != FORM:
        raise NoLink(f"its form is {link.v}, and this release reads {FORM}")
    return link


def is_as_written(written: bytes, link: Link, key: bytes) -> bool:
    """Return whether the link's hash is that of its bytes, under the key."""
    return digest(written[:-_END], key) == link.hash


_decode: Callable[[bytes], Link] = msgspec.json.Decoder(Link).decode


class _Claims(msgspec.Struct, frozen=True):
    """What was vouched for of an actor, as far as the audit tells it."""

    roles: tuple[str, ...] = ()
    unit: str = ""


@lru_cache(maxsize=4096)  # a city's officers are few, their requests are many
def _claims(told: str | None) -> tuple[tuple[str, ...], str]:
    if told is None:
        return (), ""
    try:
        found = msgspec.json.decode(told, type=_Claims)
    except msgspec.DecodeError:
        return (), ""  # another system's words
    return found.roles, found.unit
