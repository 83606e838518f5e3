"""What people write that others are shown: nothing in it that cannot be seen, or hides the rest.

A control character shows as nothing and may steer what shows it; a bidirectional override shows the
words beside it in another order than they are read in. Vietnamese and English need neither.
"""

from __future__ import annotations

import re
import unicodedata

_NEW_LINE = re.compile(r"\r\n?|[\u0085\u2028\u2029]")
_HIDDEN = re.compile(r"[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""C0 and C1 but for the line's end, bidirectional embeddings, overrides and isolates, and halves of
characters."""
_EMPTY_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and signs by their category, and blank all the same."""


def written(text: str) -> str:
    """The text as it is written down, with spaces for tabs and one kind of line's end.

    Raises ValueError if nothing in it can be seen, or something that hides or steers the rest.
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
    """The text as it may be shown, whatever was written down: without what cannot be."""
    return _HIDDEN.sub("", _usual(text))


def _usual(text: str) -> str:
    return _NEW_LINE.sub("\n", text).replace("\t", " ")


def _seen(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "LNPS" and letter not in _EMPTY_LETTERS
