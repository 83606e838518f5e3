"""What the page says, before it is put into words: which text, and what its fields hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FIELDS = frozenset(
    {
        "address",
        "amount",
        "at",
        "code",
        "count",
        "form",
        "minutes",
        "number",
        "of",
        "result",
        "step",
        "unit",
        "until",
    }
)
"""The fields that a text may use."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """One text by its key, with the values of its fields."""

    key: str
    fields: Mapping[str, str] = field(default_factory=dict)
