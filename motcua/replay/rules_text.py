"""The text of a set's files, rewritten in place: whom it names, and what is said in comments."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

from contracts.rules import Files

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?!")|' + r"'''.*?'''(?!')|" + r'"(?:\\.|[^"\\\n])*"|'
    r"'[^'\n]*'|"
    r"(?P<comment>[ \t]*#[^\n]*)",
    re.DOTALL,
)
"""A string or a comment of TOML, whichever begins first."""


def heads_and_officers(files: Files) -> frozenset[str]:
    """Return the staff numbers that a set of rules names."""
    units = tomllib.loads(files["units.toml"])["units"]
    return frozenset(who for unit in units for who in (unit["head"], *unit["officers"]))


def with_strings(text: str, instead: Mapping[str, str]) -> str:
    """Return the TOML with other strings in the place of some, and with no comments.

    Everything else stays, each on its line. The new strings need no escapes.
    """

    def replaced(found: re.Match[str]) -> str:
        if found["comment"] is not None:
            return ""
        value: str = tomllib.loads(f"value = {found[0]}")["value"]
        return f'"{instead[value]}"' if value in instead else found[0]

    return _TOKEN.sub(replaced, text)
