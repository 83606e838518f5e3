"""The key printed on a receipt, with which a citizen looks a dossier up without an account."""

from __future__ import annotations

import hmac
from hashlib import sha256

_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""No letter that is taken for another on paper."""
_LENGTH = 10
"""49 bits: with rate limits, out of reach of guessing."""


def lookup_key(secret: str, subject: str) -> str:
    """The look-up key of a dossier; every instance that knows the secret computes the same."""
    number = int.from_bytes(hmac.digest(secret.encode(), subject.encode(), sha256))
    letters = []
    for _ in range(_LENGTH):
        number, index = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[index])
    return "".join(letters)


def fits(secret: str, subject: str, key: str) -> bool:
    """Whether a key opens a dossier, in a time that does not tell how far it was right."""
    typed = key.strip().upper().encode()
    return hmac.compare_digest(lookup_key(secret, subject).encode(), typed)
