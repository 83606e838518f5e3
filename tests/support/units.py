"""Units of the sample that a test ends, begins or moves: two neighbouring wards and a third."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from contracts.catalogue import load_catalogue
from contracts.rules import sample_rules

FIRST, SECOND, THIRD = "H29.101", "H29.102", "H29.103"
LAST_DAY = "2024-03-31"
ENDS = datetime(2024, 3, 31, 17, tzinfo=UTC)
"""The end of that day in Vietnam."""


def units(code: str, more: str, *, places: list[str] | None = None) -> tuple[str, str, str]:
    """A change of a unit's entry: more lines, and other places."""
    text = sample_rules().files["units.toml"]
    (entry,) = re.findall(rf'^code = "{re.escape(code)}"\n(?:.+\n)*', text, re.MULTILINE)
    wanted = f"{entry}{more}\n"
    if places is not None:
        listed = ", ".join(f'"{place}"' for place in places)
        wanted = re.sub(r"^places = .*$", f"places = [{listed}]", wanted, flags=re.MULTILINE)
    return "units.toml", entry, wanted


def ending(code: str, successor: str, last: str = LAST_DAY) -> tuple[str, str, str]:
    """A change that ends a unit with a day."""
    return units(code, f'until = {last}\nsuccessor = "{successor}"')


def placed(code: str) -> str:
    """The place that the unit answers for in the sample."""
    (place,) = load_catalogue().units[code].places
    return place
