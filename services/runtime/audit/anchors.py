"""Anchors: the tips of all chains, signed, and kept where nobody is who can change the topic.

A file of anchors is one line each. An anchor has the chains that grew since the one before it, and
the hash of that one's line; so none can be taken out of the middle. The audit itself has a link of
each anchor, so that none can be taken off the end.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from contracts.values import rfc3339
from services.runtime.audit.link import BEGINNING
from services.runtime.refusal import SettingsWrong

_FORM = 1
_SIGNATURE_BEGINS = b',"signature":"'


class Tip(msgspec.Struct, frozen=True):
    """The newest link of a chain."""

    links: int
    """How many links the chain has."""
    hash: str
    """The newest one's."""
    offset: int
    """Where it stands on the topic."""


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """The chains at one moment, as far as they grew since the anchor before."""

    v: int
    book: str
    """Which file of anchors it is of."""
    number: int
    time: str
    end: int
    """The topic's offset up to which it was verified."""
    tips: dict[str, Tip]
    previous: str
    """The hash of the line before."""
    signature: str = ""
    """By Ed25519, of the bytes before it; empty if nobody signed."""


class AnchorsWrong(Exception):
    """A file of anchors is not as it was written. The text names the line, and what is wrong."""

    def __init__(self, number: int, detail: str, place: str) -> None:
        super().__init__(f"{place}: {detail}")
        self.number = number
        self.detail = detail
        self.place = place


class Anchors:
    """The anchors of one file."""

    def __init__(self) -> None:
        self.book = str(uuid.uuid4())
        self.tips: dict[str, Tip] = {}
        self.end = 0
        self.newest_time = ""
        self.unsigned = 0
        self._lines: list[str] = []
        """The hash of each line."""
        self._hashes: dict[str, dict[int, str]] = {}
        self._newest: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def hash_of(self, chain: str, number: int) -> str | None:
        """Return the hash that a link has by an anchor; None if no anchor has it."""
        return self._hashes.get(chain, {}).get(number)

    def newest(self, chain: str) -> int:
        """Return the number of the newest anchor that has the chain."""
        return self._newest[chain]

    def misses(self, told: str) -> str:
        """Return why the anchor that a link tells of is not here as it was; empty if it is."""
        book, number, line = (*told.split(":"), "", "")[:3]
        if book != self.book or not number.isdecimal():
            return ""  # another file's
        if int(number) >= len(self._lines):
            return f"anchor {number} was made, and the file of anchors ends before it"
        if self._lines[int(number)] != line:
            return f"anchor {number} was made, and in the file is another one"
        return ""

    def take(self, line: bytes, place: str, key: Ed25519PublicKey | None) -> None:
        """Read the next line. Raise AnchorsWrong; `key` verifies its signature."""
        number = len(self._lines)
        body, begins, end = line.rpartition(_SIGNATURE_BEGINS)
        try:
            anchor = msgspec.json.decode(line, type=Anchor)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise AnchorsWrong(number, f"it is no anchor: {error}", place) from error
        if not begins or end != anchor.signature.encode() + b'"}' or anchor.v != _FORM:
            raise AnchorsWrong(number, "it is no anchor of this release's form", place)
        if key is not None and not _signed(key, body, anchor.signature):
            raise AnchorsWrong(number, "its signature is wrong", place)
        if anchor.number != number:
            raise AnchorsWrong(number, f"anchor {anchor.number} stands where {number} must", place)
        if anchor.previous != (self._lines[-1] if self._lines else BEGINNING):
            raise AnchorsWrong(max(0, number - 1), "the next anchor was made after another", place)
        if self._lines and anchor.book != self.book:
            raise AnchorsWrong(number, "it is of another file", place)
        self.unsigned += not anchor.signature
        self._keep(anchor, line)

    def make(
        self,
        tips: Mapping[str, Tip],
        end: int,
        time: datetime,
        key: Ed25519PrivateKey | None,
    ) -> bytes:
        """Return the next anchor's line. `tips`: chains that grew; `end`: up to which offset."""
        anchor = Anchor(
            v=_FORM,
            book=self.book,
            number=len(self._lines),
            time=rfc3339(time),
            end=end,
            tips=dict(tips),
            previous=self._lines[-1] if self._lines else BEGINNING,
        )
        body = msgspec.json.encode(anchor).rpartition(_SIGNATURE_BEGINS)[0]
        signature = key.sign(body).hex() if key is not None else ""
        line = body + _SIGNATURE_BEGINS + signature.encode() + b'"}'
        self.unsigned += not signature
        self._keep(anchor, line)
        return line

    def told(self) -> str:
        """Return how the audit tells of the newest anchor."""
        return f"{self.book}:{len(self._lines) - 1}:{self._lines[-1]}"

    def _keep(self, anchor: Anchor, line: bytes) -> None:
        self.book, self.end, self.newest_time = anchor.book, anchor.end, anchor.time
        self.tips |= anchor.tips
        for chain, tip in anchor.tips.items():
            self._hashes.setdefault(chain, {})[tip.links - 1] = tip.hash
            self._newest[chain] = anchor.number
        self._lines.append(blake2b(line, digest_size=32, person=b"motcua.anchor").hexdigest())


def read_anchors(path: Path, key: Ed25519PublicKey | None) -> Anchors:
    """Return the anchors of a file. Raise AnchorsWrong, or OSError if it cannot be read."""
    anchors = Anchors()
    for at, line in enumerate(path.read_bytes().splitlines(), start=1):
        anchors.take(line, f"{path}: line {at}", key)
    return anchors


def append_anchor(path: Path, line: bytes) -> None:
    """Write an anchor to the end of its file; return when the disk has it."""
    with path.open("ab") as file:
        file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())


def signing_key(path: Path) -> Ed25519PrivateKey:
    """Return the key that signs anchors. Raise SettingsWrong if the file has none."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise SettingsWrong(f"{path}: no private key: {error}; {_REMEDY}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsWrong(f"{path}: the key is not one of Ed25519; {_REMEDY}")
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """Return the key that verifies anchors. Raise SettingsWrong if the file has none."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SettingsWrong(f"{path}: no public key: {error}; {_REMEDY}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise SettingsWrong(f"{path}: the key is not one of Ed25519; {_REMEDY}")
    return key


_REMEDY = (
    "make one with `openssl genpkey -algorithm ed25519 -out audit.key`, and its public part with "
    "`openssl pkey -in audit.key -pubout -out audit.pub`"
)


def _signed(key: Ed25519PublicKey, body: bytes, signature: str) -> bool:
    try:
        key.verify(bytes.fromhex(signature), body)
    except (InvalidSignature, ValueError):
        return False
    return True
