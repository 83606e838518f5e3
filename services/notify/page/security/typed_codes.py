"""A dossier code and a look-up key as people type, paste and scan them. Pure."""

from __future__ import annotations

import re
from unicodedata import category, normalize

from contracts.values import DOSSIER_CODE

_CODE = re.compile(DOSSIER_CODE)
_MINUS = "\N{MINUS SIGN}"
_AROUND = ".,;:'\"()[]"
"""What a sentence or a mail puts around a code."""
LONGEST = 80
"""Characters that are looked at. A longer text is none, and is not looked at any further: to put a
text into its plain form takes up to eighteen times as many characters."""


def typed_code(text: str) -> str:
    """Return the code that was meant: in capitals, with plain hyphens and without spaces.

    A space counts as a hyphen if that alone makes a valid code. Text that is no dossier code stays
    invalid; text that is too long to be one comes back empty.
    """
    plain = re.sub(r"\s*-[\s-]*", "-", _plain(text)).strip(_AROUND + " ")
    close = plain.replace(" ", "")
    if is_code(close):
        return close
    apart = plain.replace(" ", "-")
    return apart if is_code(apart) else close


def typed_key(text: str) -> str:
    """Return the key that was meant: its letters and digits, in capitals; it has nothing else."""
    return "".join(letter for letter in _plain(text) if letter.isalnum())


def is_code(text: str) -> bool:
    """Return whether the text has a dossier code's form; the dossier need not exist."""
    return _CODE.fullmatch(text) is not None


def _plain(text: str) -> str:
    """Return the text in capitals, with plain hyphens, single spaces, no invisible characters."""
    if len(text) > LONGEST:
        return ""
    letters = []
    for letter in normalize("NFKC", text):
        kind = category(letter)
        if kind == "Pd" or letter == _MINUS:
            letters.append("-")
        elif kind != "Cf":
            letters.append(letter)
    return " ".join("".join(letters).upper().split())
