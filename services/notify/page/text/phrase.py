"""What is said on the page, before it is put into words: which text, and what it is about."""

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
"""What a text may use."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """One text by its key, and what its fields are filled with."""

    key: str
    fields: Mapping[str, str] = field(default_factory=dict)
