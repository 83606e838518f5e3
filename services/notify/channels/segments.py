"""Count the segments of an SMS, and make it fit. Each segment is paid for.

A Zalo message is not divided; it is made to fit by its characters.

A text in the alphabet of GSM 03.38 has 160 characters in one segment, or 153 in each of several. A
single letter outside it, such as most Vietnamese ones, makes it UCS-2: 70, or 67 of several.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from enum import StrEnum

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")
"""Each of these takes two places: an escape and itself."""

_GSM = (160, 153)
_UCS2 = (70, 67)

_PLAIN = str.maketrans(
    {"đ": "d", "Đ": "D", "₫": "d", "–": "-", "—": "-", "…": "...", "\u00a0": " "}
    | dict.fromkeys("“”„«»", '"')
    | dict.fromkeys("‘’‚", "'")
)
_ADDRESS = re.compile(r"\S*https?://\S+\s*$")
_ITEM = "- "
"""What each item of a list begins with, on its own line."""
_LEAST = 24
"""Characters that must fit before an address to keep it: "Hồ sơ" and a dossier's code."""


class Encoding(StrEnum):
    """The encoding that a text's letters need."""

    GSM7 = "GSM-7"
    UCS2 = "UCS-2"


def encoding(text: str) -> Encoding:
    """Return the encoding that the text is sent in: one letter decides for all."""
    gsm = all(c in _BASIC or c in _EXTENSION for c in text)
    return Encoding.GSM7 if gsm else Encoding.UCS2


def parts(text: str) -> int:
    """Return the number of segments of the text; an empty text has one."""
    gsm = encoding(text) is Encoding.GSM7
    single, several = _GSM if gsm else _UCS2
    widths = [_width(c, gsm=gsm) for c in text]
    if sum(widths) <= single:
        return 1
    count, used = 1, 0
    for width in widths:
        if (
            used + width > several
        ):  # neither an escape nor a surrogate is parted from its other half
            count, used = count + 1, 0
        used += width
    return count


def characters(text: str) -> int:
    """Return the number of characters as a phone counts them: an emoji is two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def plain(text: str) -> str:
    """Return the text without diacritics: ``đã tiếp nhận`` becomes ``da tiep nhan``.

    Vietnamese is readable without them, and a message is one segment instead of three.
    """
    apart = unicodedata.normalize("NFD", text.translate(_PLAIN))
    return "".join(c for c in apart if not unicodedata.combining(c))


def fit(text: str, most: int, size: Callable[[str], int] = parts) -> str:
    """Return the text if it has at most `most` segments, else its beginning, ellipsis and end.

    `size` may count something else than segments.

    The end is kept if it is an address where the rest can be read, and if enough text fits before
    it. In a list, whose newest item is last, the oldest items go first. A word is cut only if it is
    too long by itself.
    """
    text = unicodedata.normalize("NFC", text.strip())
    if size(text) <= most:
        return text
    dots = "..." if encoding(text) is Encoding.GSM7 else "…"
    text = _without_oldest(text, dots, most, size)
    if size(text) <= most:
        return text
    found = _ADDRESS.search(text)
    if found:
        beginning = text[: found.start()].rstrip()
        gap = "\n" if "\n" in text[len(beginning) : found.start()] else " "
        tail = f"{dots}{gap}{found[0].strip()}"
        if (room := _room(beginning, tail, most, size)) >= min(_LEAST, len(beginning)) > 0:
            return _cut(beginning, room) + tail
        text = beginning or text
    return _cut(text, _room(text, dots, most, size)) + dots


def _without_oldest(text: str, dots: str, most: int, size: Callable[[str], int]) -> str:
    """Return the text with as few items left out as make it fit; the last one stays."""
    lines = text.split("\n")
    items = [number for number, line in enumerate(lines) if line.startswith(_ITEM)]
    for kept in items[1:]:
        text = "\n".join([*lines[: items[0]], dots, *lines[kept:]])
        if size(text) <= most:
            break
    return text


def _room(text: str, tail: str, most: int, size: Callable[[str], int]) -> int:
    """Return how many characters of the text fit before the tail."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if size(text[:middle] + tail) <= most:
            low = middle
        else:
            high = middle - 1
    return low


def _cut(text: str, room: int) -> str:
    """Return the whole words within the text's first `room` characters."""
    kept = text[:room]
    word = max(kept.rfind(" "), kept.rfind("\n"))
    if word >= 0 and room < len(text) and not text[room].isspace():
        kept = kept[:word]
    return kept.rstrip(" \n,;:.")


def _width(character: str, *, gsm: bool) -> int:
    if gsm:
        return 2 if character in _EXTENSION else 1
    return 2 if ord(character) > 0xFFFF else 1
