"""Seals contact data, so that what travels and what is stored can be read only with a key."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.runtime.settings import Settings


class Unreadable(Exception):
    """What was sealed cannot be opened: the key is gone, or it was tampered with."""


class ContactSettings(Settings):
    """The settings of a service that handles contact data."""

    contact_key: str = "development-only"
    """The secret from which the sealing key is derived; the same in intake and notify."""


class Sealer:
    """AES-256-GCM under one key; the owner's reference is bound to what is sealed."""

    def __init__(self, secret: str) -> None:
        key = sha256(b"motcua contact\x1f" + secret.encode()).digest()
        self._cipher = AESGCM(key)
        self.key_id = sha256(key).hexdigest()[:12]

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
            raise Unreadable(f"the contact of {owner} does not open with this key") from error
