"""Citizens' references: what is an identity number is hashed before it goes anywhere.

Portals and desks know citizens by their identity number: 12 digits (CCCD, and today's tax code of a
person), 9 (CMND), 10 or 13 (the tax code of a business, or an older one of a person). The log is
kept for ever, so nobody's number may stand there. Numbers are few: a hash without a secret would be
found by trying them all.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Mapping
from hashlib import sha256

from services.runtime import Settings
from services.shared.generations import Variable, generations
from services.shared.known_secrets import REFERENCES

_PREFIX = "ma"
_LENGTH = 32
"""Hexadecimal digits of the hash: 128 bits."""
_NUMBER = r"[0-9](?:[\s.\-–/]?[0-9]){8,12}"
_LENGTHS = frozenset({9, 10, 12, 13})
_ALONE = re.compile(rf"(?:[^\W\d_]+[\s.:#№\-_/]+)*(?:[^\W\d_]+)?({_NUMBER})")
"""A number with nothing but words before it, such as ``CCCD 079 203 001 234``."""
_WITHIN = re.compile(r"(?<![0-9])(?:[0-9]{9}|[0-9]{10}|[0-9]{12}|[0-9]{13})(?![0-9])")
_OURS = re.compile(rf"{_PREFIX}-\d+-[0-9a-f]{{{_LENGTH}}}")

_VARIABLE = Variable(
    "MOTCUA_REFERENCE_SECRETS",
    made_of="citizens' references and one-time codes",
    guessed_from="a reference",
    keep="by it the same identity number is the same citizen",
)


class ReferenceSettings(Settings):
    """The settings of a service, or a command, that takes citizens' references in."""

    reference_secrets: str | None = None
    """Generations ``number:secret``, separated by blanks: the first hashes identity numbers and
    makes one-time codes. The same in intake and notify. By another one the same number is another
    citizen: add one only after a leak."""


class References:
    """Hashes identity numbers under the current secret. The same number, however it is written,
    gives the same reference."""

    def __init__(self, secrets: Mapping[int, str]) -> None:
        """`secrets`: by the number of their generation; the first is the current one."""
        self._generation, secret = next(iter(secrets.items()))
        self._key = secret.encode()

    def citizen(self, written: str) -> str:
        """Return the reference that stands for what was written: itself, unless it is an identity
        number or has one in it."""
        if _OURS.fullmatch(written):
            return written
        text = unicodedata.normalize("NFKC", written).strip()
        found = _ALONE.fullmatch(text)
        digits = re.sub(r"[^0-9]", "", found[1]) if found else ""
        if len(digits) in _LENGTHS:
            return self._hash(digits)
        return self._hash(text) if _WITHIN.search(text) else written

    def subkey(self, use: str) -> bytes:
        """Return another secret of 32 bytes, for one use alone, which tells nothing of this one."""
        return hmac.digest(self._key, f"use\x1f{use}".encode(), sha256)

    def _hash(self, text: str) -> str:
        made = hmac.digest(self._key, f"citizen\x1f{text}".encode(), sha256).hex()
        return f"{_PREFIX}-{self._generation}-{made[:_LENGTH]}"


def references(settings: ReferenceSettings) -> References:
    """Return how the settings hash; in a trial without any, with a secret that everyone knows.

    Raise SettingsWrong if they cannot be used. No text repeats a secret.
    """
    found = generations(settings, settings.reference_secrets, _VARIABLE, REFERENCES)
    return References(found)
