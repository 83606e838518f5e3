"""The keyed MAC of a record: who holds a service's key wrote it, and nobody has changed it since.

It is the header ``ce_mac`` (CloudEvents extension ``mac``): signer, generation of the key, and 16
bytes of keyed BLAKE2b in hex, with dots between. It covers the key, the body and all headers before
it, in their order, as one array of MessagePack. No header of CloudEvents may stand behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from hmac import compare_digest
from math import inf
from typing import NamedTuple

import msgspec

import contracts.events  # noqa: F401  (registers every event class)
from contracts.events.clock import ClockTicked
from contracts.events.contacts import ContactErased
from contracts.events.notify import PreferencesRequested, RatingRequested
from contracts.events.rules import RulesEnacted
from contracts.model import registered
from contracts.wire.codec import Headers, Record, types
from contracts.wire.topics import PAGE

HEADER = "ce_mac"
ORDER_HEADER = "motcua_mac"
"""The same of a record that is put back, by the operator: it is its last header, and covers what
was written first with its own MAC, and the order."""
OPERATOR = "operator"
"""Who signs what `motcua` commands write: rules, ticks, erasures, and the history of an import."""
IMPORTED = b"/import/"
"""How the source of what an import tells begins."""

_SIZE = 16
_PERSON = b"motcua-record-1"
_OPERATOR = (OPERATOR,)
BY_COMMAND = types(RulesEnacted, ClockTicked, ContactErased)
"""What no service decides: a command says it."""
BY_CITIZENS = types(PreferencesRequested, RatingRequested)
"""What citizens ask for, and nobody else does: the page writes it. Once its owner did."""


def _may_sign(name: str, owner: str) -> tuple[str, ...]:
    if name in BY_COMMAND:
        return _OPERATOR
    return (PAGE, owner) if name in BY_CITIZENS else (owner,)


_SIGNERS: dict[bytes, tuple[str, ...]] = {
    name.encode(): _may_sign(name, cls.OWNER)
    for cls in registered().values()
    for name in types(cls)
}
"""Who may sign a record of each type, old versions included."""
_pack = msgspec.msgpack.Encoder().encode


class Doubt(StrEnum):
    """Why a record is not believed."""

    NO_MAC = "no-mac"
    WRONG_MAC = "wrong-mac"
    """Something was changed, or it was not signed with the key that it names."""
    UNKNOWN_KEY = "unknown-key"
    ENDED_KEY = "ended-key"
    """The broker took it after the key had ended."""
    WRONG_SIGNER = "wrong-signer"
    """Who signed it may not write this."""
    UNDECIDED = "undecided"
    """Its owner did not decide it, whoever signed it. It is acted upon if its MAC is good, or where
    no keys are set."""


class Key(NamedTuple):
    """One generation of a signer's key."""

    generation: int
    secret: bytes
    until: datetime | None = None
    """From then on, by the broker's stamp, nothing that it signed is believed."""


class NoKey(Exception):
    """There is no key to sign a record with. The text says whose is missing."""


class Keys:
    """The keys of all signers, or of those that this process signs as."""

    def __init__(self, keys: Mapping[str, Sequence[Key]]) -> None:
        """`keys`: by signer; the first of each is the one that signs."""
        self._current: dict[str, tuple[str, blake2b]] = {}
        self._known: dict[bytes, tuple[str, blake2b, float]] = {}
        for signer, found in keys.items():
            for key in found:
                name = f"{signer}.{key.generation}"
                hasher = blake2b(key=key.secret, digest_size=_SIZE, person=_PERSON)
                until = inf if key.until is None else key.until.timestamp() * 1000
                self._current.setdefault(signer, (f"{name}.", hasher))
                self._known[name.encode()] = signer, hasher, until

    @property
    def signers(self) -> frozenset[str]:
        """Those whose keys are there."""
        return frozenset(self._current)

    def signed(self, record: Record) -> Record:
        """Return the record with its MAC. Raise NoKey without a key of who may write it."""
        allowed = _signers(dict(record.headers))
        for signer in allowed:
            if (found := self._current.get(signer)) is not None:
                name, hasher = found
                mac = name + _mac(hasher, record.key, record.value, record.headers)
                headers = [*record.headers, (HEADER, mac.encode())]
                return Record(record.key, record.value, headers)
        raise NoKey(f"MOTCUA_RECORD_KEYS_FILE has no key of {' or '.join(allowed)}")

    def ordered(self, record: Record) -> Record:
        """Return a record that is put back with the operator's MAC. Raise NoKey without its key."""
        if (found := self._current.get(OPERATOR)) is None:
            raise NoKey(f"MOTCUA_RECORD_KEYS_FILE has no key of {OPERATOR}")
        name, hasher = found
        mac = name + _mac(hasher, record.key, record.value, record.headers)
        return record._replace(headers=[*record.headers, (ORDER_HEADER, mac.encode())])

    def order_fault(
        self, key: bytes | None, value: bytes | None, headers: Headers, stamped: int
    ) -> Doubt | None:
        """Return why it is not believed that the operator has put a record back; None if it is."""
        if not headers or headers[-1][0] != ORDER_HEADER:
            return Doubt.NO_MAC
        signer = self._signer(headers[-1][1] or b"", key, value, headers[:-1], stamped)
        if isinstance(signer, Doubt):
            return signer
        return None if signer == OPERATOR else Doubt.WRONG_SIGNER

    def fault(
        self,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        fields: Mapping[str, bytes],
        stamped: int,
    ) -> Doubt | None:
        """Return why a record is not believed; None if it is.

        `fields`: the same headers as a mapping. `stamped`: when the broker took it, in milliseconds
        since 1970.
        """
        told = fields.get(HEADER)
        if told is None:
            return Doubt.NO_MAC
        covered = headers[:-1] if headers[-1][0] == HEADER else _before(headers)
        if covered is None:
            return Doubt.WRONG_MAC
        signer = self._signer(told, key, value, covered, stamped)
        if isinstance(signer, Doubt):
            return signer
        # Of a type that nobody knows, any signer is as good as another.
        may = _signers(fields)
        return None if not may or signer in may else Doubt.WRONG_SIGNER

    def _signer(
        self, told: bytes, key: bytes | None, value: bytes | None, covered: Headers, stamped: int
    ) -> str | Doubt:
        name, _, mac = told.rpartition(b".")
        found = self._known.get(name)
        if found is None:
            return Doubt.UNKNOWN_KEY
        signer, hasher, until = found
        if stamped >= until:
            return Doubt.ENDED_KEY
        good = compare_digest(_mac(hasher, key, value, covered).encode(), mac)
        return signer if good else Doubt.WRONG_MAC


def _before(headers: Headers) -> Headers | None:
    """Return the headers before the MAC; None if one stands behind it that it does not cover."""
    at = next(n for n, (name, _) in enumerate(headers) if name == HEADER)
    behind = any(name.startswith("ce_") for name, _ in headers[at + 1 :])
    return None if behind else headers[:at]


def _signers(fields: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return who may sign a record with these headers: nobody in particular for an unknown type."""
    signers = _SIGNERS.get(fields.get("ce_type") or b"", ())
    if "ce_history" in fields and (fields.get("ce_source") or b"").startswith(IMPORTED):
        return _OPERATOR
    return signers


def _mac(hasher: blake2b, key: bytes | None, value: bytes | None, headers: Headers) -> str:
    made = hasher.copy()
    made.update(_pack((key, value, headers)))
    return made.hexdigest()
