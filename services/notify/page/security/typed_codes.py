"""A dossier code and a look-up key as people type, paste and scan them. Pure."""

from __future__ import annotations

import re
from unicodedata import category, normalize

from contracts.values import DOSSIER_CODE

_CODE = re.compile(DOSSIER_CODE)
_MINUS = "\N{MINUS SIGN}"
_AROUND = ".,;:'\"()[]"
"""What a sentence or a mail puts around a code."""


def typed_code(text: str) -> str:
    """The code that was meant: in capitals, with plain hyphens and without spaces.

    A space may also stand for a hyphen: then the code is none without it. What is no dossier code
    at all stays none.
    """
    plain = re.sub(r"\s*-[\s-]*", "-", _plain(text)).strip(_AROUND + " ")
    close = plain.replace(" ", "")
    if is_code(close):
        return close
    apart = plain.replace(" ", "-")
    return apart if is_code(apart) else close


def typed_key(text: str) -> str:
    """The key that was meant: its letters and digits, in capitals. A key has nothing else."""
    return "".join(letter for letter in _plain(text) if letter.isalnum())


def is_code(text: str) -> bool:
    """Whether a dossier may have that code. Whether one does is another question."""
    return _CODE.fullmatch(text) is not None


def _plain(text: str) -> str:
    """In capitals; each dash a hyphen, white space a single space, and nothing that is not seen."""
    letters = []
    for letter in normalize("NFKC", text):
        kind = category(letter)
        if kind == "Pd" or letter == _MINUS:
            letters.append("-")
        elif kind != "Cf":
            letters.append(letter)
    return " ".join("".join(letters).upper().split())
