"""One-time codes, by which a person proves that an address is theirs.

A code is made of a random seed and a secret, so that whoever sends it after a kill sends the same
one, and no log or state has to hold it. A hash of the code under another secret stands on the log:
by it a code that is entered is judged, without either secret.
"""

from __future__ import annotations

import hmac
import re
import secrets
from hashlib import sha256
from typing import NamedTuple

from services.shared.references import References

DIGITS = 8
"""More than the six that NIST SP 800-63B asks for. And as many as a telephone number has at least:
what quotes a provider's words takes it out as one."""


class Asked(NamedTuple):
    """What the log holds of a code."""

    seed: str
    code_hash: str


class OneTimeCodes:
    """Makes codes, and hashes those that are entered."""

    def __init__(self, references: References) -> None:
        self._codes = references.subkey("one-time codes")
        self._hashes = references.subkey("hashes of one-time codes")

    def ask(self) -> Asked:
        """Return what is to be known of a new code."""
        seed = secrets.token_hex(16)
        return Asked(seed, self.hash(seed, self.code(seed)))

    def code(self, seed: str) -> str:
        """Return the code: digits, of which the first may be 0."""
        number = int.from_bytes(hmac.digest(self._codes, seed.encode(), sha256))
        return f"{number % 10**DIGITS:0{DIGITS}}"

    def hash(self, seed: str, entered: str) -> str:
        """Return the hash of a code that was entered for a seed, however its digits are spaced."""
        digits = re.sub(r"[\s.\-]", "", entered)
        return hmac.digest(self._hashes, f"{seed}\x1f{digits}".encode(), sha256).hex()
