"""How many segments an SMS is cut into, and how it is made to fit. Each segment is paid for.

A text in the alphabet of GSM 03.38 has 160 characters in one segment and 153 in each of several;
a single letter beyond it, as most Vietnamese ones are, makes it UCS-2: 70, and 67 of several.
"""

from __future__ import annotations

import re
import unicodedata

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


def parts(text: str) -> int:
    """The segments that the text is cut into; an empty one is one all the same."""
    gsm = all(c in _BASIC or c in _EXTENSION for c in text)
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


def plain(text: str) -> str:
    """The text without diacritics: ``đã tiếp nhận`` becomes ``da tiep nhan``.

    Vietnamese is read well without them, and a message is one segment instead of three.
    """
    apart = unicodedata.normalize("NFD", text.translate(_PLAIN))
    return "".join(c for c in apart if not unicodedata.combining(c))


def fit(text: str, most: int) -> str:
    """The text if it has at most so many segments; else its beginning, an ellipsis and its end.

    What is kept of the end is the address at which the rest can be read, if it ends in one. Words
    are not cut, but for one that is too long by itself.
    """
    text = unicodedata.normalize("NFC", text.strip())
    if parts(text) <= most:
        return text
    found = _ADDRESS.search(text)
    address = found[0].strip() if found else ""
    beginning = text[: found.start()].rstrip() if found else text
    dots = "..." if all(c in _BASIC or c in _EXTENSION for c in text) else "…"
    tail = f"{dots} {address}" if address else dots
    low, high = 0, len(beginning)
    while low < high:  # the longest beginning that fits
        middle = (low + high + 1) // 2
        if parts(beginning[:middle] + tail) <= most:
            low = middle
        else:
            high = middle - 1
    kept = beginning[:low]
    if low < len(beginning) and not beginning[low].isspace() and " " in kept:
        kept = kept.rpartition(" ")[0]
    return kept.rstrip(" ,;:.") + tail


def _width(character: str, *, gsm: bool) -> int:
    if gsm:
        return 2 if character in _EXTENSION else 1
    return 2 if ord(character) > 0xFFFF else 1
