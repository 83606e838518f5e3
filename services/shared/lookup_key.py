"""The key printed on a receipt, with which a citizen looks a dossier up without an account."""

from __future__ import annotations

import hmac
from hashlib import sha256

_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""No characters that can be mistaken for another on paper."""
_LENGTH = 10
"""49 bits: too many to guess, given the rate limits."""


def lookup_key(secret: str, subject: str) -> str:
    """Return a dossier's look-up key; every instance that knows the secret computes the same."""
    number = int.from_bytes(hmac.digest(secret.encode(), subject.encode(), sha256))
    letters = []
    for _ in range(_LENGTH):
        number, index = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[index])
    return "".join(letters)


def fits(secret: str, subject: str, key: str) -> bool:
    """Return whether a key opens a dossier, in a time that does not tell how far it fits."""
    typed = key.strip().upper().encode()
    return hmac.compare_digest(lookup_key(secret, subject).encode(), typed)
