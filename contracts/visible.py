"""Texts that people write and others are shown, without characters that are invisible or hide text.

A control character shows as nothing and may steer the display; a bidirectional override shows the
words beside it in another order than they are read in. Vietnamese and English need neither.
"""

from __future__ import annotations

import re
import unicodedata

_NEW_LINE = re.compile(r"\r\n?|[\u0085\u2028\u2029]")
_HIDDEN = re.compile(r"[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""C0 and C1 except line feed, bidirectional embeddings, overrides and isolates, and halves of
surrogate pairs."""
_EMPTY_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and signs by their category, and blank all the same."""


def written(text: str) -> str:
    """Return the text as it is stored, with spaces for tabs and one kind of line ending.

    Raise ValueError if nothing in it is visible, or a character hides or steers the rest.
    """
    text = _usual(text)
    if found := _HIDDEN.search(text):
        raise ValueError(
            f"has a character that cannot be shown, U+{ord(found[0]):04X}, at {found.start()}"
        )
    if not any(_seen(letter) for letter in text):
        raise ValueError("has nothing in it that can be read")
    return text


def shown(text: str) -> str:
    """Return the text as it may be shown, however it was stored: without hidden characters."""
    return _HIDDEN.sub("", _usual(text))


def _usual(text: str) -> str:
    return _NEW_LINE.sub("\n", text).replace("\t", " ")


def _seen(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "LNPS" and letter not in _EMPTY_LETTERS
