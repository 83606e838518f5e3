"""How many segments an SMS takes, counted as a company that bills by it counts.

By 3GPP TS 23.038 (the alphabet) and TS 23.040 (the room in a part). The gateway checks the cost
that notify reports, so it has a table and a way of counting of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Unit = TypeVar("Unit")

# TS 23.038, 6.2.1: sixteen rows of eight, as they are printed there; 1B is the escape.
_DEFAULT = (
    "@Δ 0¡P¿p"
    "£_!1AQaq"
    '$Φ"2BRbr'
    "¥Γ#3CScs"
    "èΛ¤4DTdt"
    "éΩ%5EUeu"
    "ùΠ&6FVfv"
    "ìΨ'7GWgw"
    "òΣ(8HXhx"
    "ÇΘ)9IYiy"
    "\nΞ*:JZjz"
    "Ø\x1b+;KÄkä"
    "øÆ,<LÖlö"
    "\ræ-=MÑmñ"
    "Åß.>NÜnü"
    "åÉ/?O§oà"
)
# TS 23.038, 6.2.1.1: what follows an escape.
_AFTER_ESCAPE = {"\f", "^", "{", "}", "\\", "[", "~", "]", "|", "€"}

_ESCAPE = "\x1b"
_SEPTETS, _SEPTETS_OF_SEVERAL = 160, 153
_UNITS, _UNITS_OF_SEVERAL = 70, 67
"""Units of UTF-16. Parts that belong together each have a header of six octets."""


def segments(text: str) -> int:
    """Return the number of parts that a text is sent in; an empty text has one."""
    septets = _septets(text)
    if septets is not None:
        return _cuts(septets, _SEPTETS, _SEPTETS_OF_SEVERAL, lambda before: before == _ESCAPE)
    octets = text.encode("utf-16-be", "surrogatepass")
    units = [octets[at : at + 2] for at in range(0, len(octets), 2)]
    # The first half of a character beyond 16 bits stays with its second.
    return _cuts(units, _UNITS, _UNITS_OF_SEVERAL, lambda before: 0xD8 <= before[0] <= 0xDB)


def _septets(text: str) -> list[str] | None:
    """Return the text in the default alphabet; None if a letter is not in it."""
    found: list[str] = []
    for letter in text:
        if letter in _AFTER_ESCAPE:
            found += (_ESCAPE, letter)
        elif letter in _DEFAULT and letter != _ESCAPE:
            found.append(letter)
        else:
            return None
    return found


def _cuts(
    units: Sequence[Unit], single: int, several: int, inseparable: Callable[[Unit], bool]
) -> int:
    """Return the number of parts of the units; there is no cut after an `inseparable` one."""
    if len(units) <= single:
        return 1
    count = begin = 0
    while begin < len(units):
        end = begin + several
        if end < len(units) and inseparable(units[end - 1]):
            end -= 1
        begin, count = end, count + 1
    return count
