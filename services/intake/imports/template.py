"""Texts with places to fill in, like ``tp-{number}``, and the named values that may fill them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

BUILTIN = frozenset({"case", "number", "activity", "resource", "step"})
"""What a place may name besides attributes and the mapping's own values."""

Lookup = Callable[[str], str | None]
"""Finds the value of a name; None if the log does not say."""

_PLACE = re.compile(r"\{([^{}]*)\}")


class Missing(Exception):
    """The log does not say what a template needs. The text names it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the log has no {name!r}")


@dataclass(frozen=True)
class Template:
    """A compiled text: literals and names in turn, beginning with a literal."""

    parts: tuple[str, ...]

    @property
    def constant(self) -> str | None:
        """The text if it has no places, otherwise None."""
        return self.parts[0] if len(self.parts) == 1 else None

    @property
    def names(self) -> tuple[str, ...]:
        """The names in its places."""
        return self.parts[1::2]

    def fill(self, lookup: Lookup) -> str:
        """Return the text with every place filled. Raise Missing if a value is missing."""
        if len(self.parts) == 1:
            return self.parts[0]
        filled = list(self.parts)
        for index in range(1, len(filled), 2):
            value = lookup(filled[index])
            if value is None:
                raise Missing(filled[index])
            filled[index] = value
        return "".join(filled)


def compile_template(text: str, values: frozenset[str]) -> Template:
    """Return the template in the text. Raise ValueError for a lone brace or an unknown name.

    A name is one of `BUILTIN`, a value of the mapping, ``case:KEY`` for an attribute of the trace,
    or ``event:KEY`` for one of the event. A key with a colon of its own, as in XES, may stand alone
    for the event's attribute.
    """
    parts = tuple(_PLACE.split(text))
    for literal in parts[::2]:
        if "{" in literal or "}" in literal:
            raise ValueError(f"{text!r} has a brace without its partner")
    for name in parts[1::2]:
        check_name(name, values)
    return Template(parts)


def check_name(name: str, values: frozenset[str]) -> None:
    """Raise ValueError if the name cannot stand for anything."""
    if name not in BUILTIN and name not in values and ":" not in name:
        known = ", ".join(sorted(BUILTIN | values))
        raise ValueError(f"{name!r} is none of {known}; an attribute is case:KEY or event:KEY")


ANY_OTHER = "*"
"""The key of a value's table under which every text stands that has no key of its own."""


@dataclass(frozen=True)
class Value:
    """A named value: read from a name, cut out, looked up, or else the default."""

    source: str
    pattern: re.Pattern[str] | None
    table: Mapping[str, str] | None
    default: str | None

    def of(self, lookup: Lookup, unlisted: Callable[[str], None]) -> str | None:
        """Return the value; None if the log does not say and there is no default.

        `unlisted` is called with a text that the table does not have.
        """
        text = lookup(self.source)
        if text is not None and self.pattern is not None:
            match = self.pattern.search(text)
            text = match["value"] if match else None
        if text is not None and self.table is not None:
            if text not in self.table and ANY_OTHER not in self.table:
                unlisted(text)
            text = self.table.get(text, self.table.get(ANY_OTHER))
        return self.default if text is None else text
