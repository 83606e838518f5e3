"""Seals what only some may read: AES-256-GCM, bound to its owner."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32


class Unreadable(Exception):
    """What was sealed cannot be opened: the key is gone, or it was tampered with."""


class Sealer:
    """One key. The owner's reference is bound to what is sealed: it opens for nobody else."""

    def __init__(self, key: bytes) -> None:
        """Raises ValueError for a key that is not of 32 bytes."""
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, this one {len(key)}")
        self._cipher = AESGCM(key)

    def seal(self, owner: str, plain: bytes) -> str:
        """Base64 of nonce and ciphertext."""
        nonce = os.urandom(12)
        return b64encode(nonce + self._cipher.encrypt(nonce, plain, owner.encode())).decode()

    def open(self, owner: str, sealed: str) -> bytes:
        """What was sealed for this owner. Raises Unreadable if this key does not open it."""
        try:
            raw = b64decode(sealed)
            return self._cipher.decrypt(raw[:12], raw[12:], owner.encode())
        except (InvalidTag, ValueError) as error:  # ValueError: no base64, or cut too short
            raise Unreadable(f"what is sealed for {owner} does not open with this key") from error
