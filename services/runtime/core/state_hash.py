"""Compares states that were reached in different ways."""

from __future__ import annotations

from hashlib import sha256

import msgspec


def state_hash(state: msgspec.Struct) -> str:
    """Return the SHA-256 of a state's canonical JSON: equal for equal states, on any machine."""
    return sha256(msgspec.json.encode(state, order="deterministic")).hexdigest()
