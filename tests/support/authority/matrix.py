"""Who may ask what, read once more by hand: what the table of authority is held against.

`matrix.txt` is not made from the table, nor from the page that is: whoever changes a cell says so
there, too.
"""

from __future__ import annotations

from pathlib import Path

from contracts.wire.claims import Role
from tests.support.authority.bearers import Bearer, Bond

_ROLES = (Role.OFFICER, Role.HEAD, Role.DESK, Role.AUDITOR, Role.OPERATOR, Role.MACHINE)
ANY = "any"

OPEN = frozenset(
    {
        "PreferencesRequested",
        "RatingRequested",
        "status page",
        "delivery receipt",
        "operation",
        "API pages",  # in a trial, as the walked city is; else an operator alone
    }
)
"""For what nobody has to sign in."""


def _read(text: str) -> dict[str, dict[Role, frozenset[str]]]:
    found = {}
    head, *lines = ([part.strip() for part in line.split("|")] for line in text.splitlines())
    assert head == ["what", *_ROLES]
    for name, *cells in lines:
        relations = (frozenset(c.strip() for c in cell.split(",") if c.strip()) for cell in cells)
        found[name] = dict(zip(_ROLES, relations, strict=True))
    return found


MATRIX = _read(Path(__file__).with_name("matrix.txt").read_text(encoding="utf-8"))


def admits(row: str, bearer: Bearer, about: frozenset[Bond], asked: str) -> bool:
    """Whether the row lets the bearer in. `about`: what holds whoever asks, as of a citizen's data;
    `asked`: the row that a machine's token names, or leaves out."""
    if bearer.role is None or not bearer.counts:
        return False
    if bearer.role is Role.MACHINE and not bearer.names(row, asked):
        return False
    cell = MATRIX[row][bearer.role]
    return ANY in cell or not cell.isdisjoint(bearer.bonds | about)
