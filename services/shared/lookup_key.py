"""The key printed on a receipt, with which a citizen looks a dossier up without an account."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
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


class LookupKeys:
    """Makes look-up keys by the current secret, and recognises those of every generation.

    A key does not tell its generation: it is compared with all of them. So the keys of one that is
    withdrawn look like any wrong key, and each generation more makes a guess as much likelier: two
    cost one of a key's 49 bits.
    """

    def __init__(self, secrets: Mapping[int, str]) -> None:
        """`secrets`: secrets by the number of their generation; the first is the current one."""
        self._secrets = dict(secrets)
        self.secret = next(iter(self._secrets.values()))
        """The current one."""

    def key(self, subject: str) -> str:
        """Return the key that opens a dossier, by the current generation."""
        return lookup_key(self.secret, subject)

    def generation(self, subject: str, key: str) -> int | None:
        """Return the generation whose key for the dossier it is; None if it opens nothing.

        All generations are compared, in a time that tells neither how far a key fits nor which of
        them it is.
        """
        typed = key.strip().upper().encode()
        found = None
        for number, secret in self._secrets.items():
            if hmac.compare_digest(lookup_key(secret, subject).encode(), typed):
                found = number
        return found
