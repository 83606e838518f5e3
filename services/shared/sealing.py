"""Seals texts with AES-256-GCM, bound to their owner."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32


class Unreadable(Exception):
    """A sealed text cannot be opened: the key is gone or wrong, or the text was tampered with."""


class Sealer:
    """One key. A sealed text is bound to its owner's reference: it opens for no other owner."""

    def __init__(self, key: bytes) -> None:
        """Raise ValueError for a key that is not 32 bytes long."""
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, this one {len(key)}")
        self._cipher = AESGCM(key)

    def seal(self, owner: str, plain: bytes) -> str:
        """Return base64 of nonce and ciphertext."""
        nonce = os.urandom(12)
        return b64encode(nonce + self._cipher.encrypt(nonce, plain, owner.encode())).decode()

    def open(self, owner: str, sealed: str) -> bytes:
        """Return what was sealed for this owner. Raise Unreadable if this key does not open it."""
        try:
            raw = b64decode(sealed)
            return self._cipher.decrypt(raw[:12], raw[12:], owner.encode())
        except (InvalidTag, ValueError) as error:  # ValueError: not base64, or cut short
            raise Unreadable(f"what is sealed for {owner} does not open with this key") from error
