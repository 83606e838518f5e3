"""Write `docs/authority.md` from the table of authority, or say that it is out of step.

``python -m motcua.authority`` writes it; with ``--check`` it only compares.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from contracts.wire.claims import Role
from services.shared.authority.table import TABLE, Relation, Row

PAGE = Path(__file__).parents[1] / "docs" / "authority.md"
_HEAD = """# Table of authority

Who may ask what of which dossier. Made by `python -m motcua.authority` from
[`table.py`](../services/shared/authority/table.py), which routes and decisions read. A route that
is not here admits nobody; [decision 46](decisions/0046-sign-in.md) says where it is judged.

In a cell: what whoever asks has to do with the dossier. *any*: whatever the dossier. *receiving*,
*returning*, *handling*: the unit that took it in, returns its result, handles it (before one is
found, the one that took it in). *named*: the unit that the request, or the query, names is one's
own. *consulted*: the authority that is consulted. *lead*: who leads the open step. *delegated*: to
whom the head of the handling unit delegated it; *standing_in*: who stands in for the absent lead
([decision 49](decisions/0049-delegation.md)). *citizens*: about a citizen's contact data. *own*:
about one's own. A machine needs the name in the first column in its token.
"""


def page() -> str:
    """Return the page."""
    lines = [_HEAD, _row("what", "service", *Role), _row(*["---"] * (2 + len(Role)))]
    merged: dict[tuple[str, str], list[str]] = {}
    opened: dict[tuple[str, str], list[str]] = {}
    for row in TABLE:
        if row.open:
            opened.setdefault((row.name, row.open), []).append(row.service)
        else:
            cells = _row(*(_cell(row, role) for role in Role))
            merged.setdefault((row.name, cells), []).append(row.service)
    lines += [f"| {name} | {', '.join(of)} {cells}" for (name, cells), of in merged.items()]
    lines += ["", "Nobody signs in for:", "", _row("what", "service", "why"), _row(*["---"] * 3)]
    lines += [_row(name, ", ".join(of), why) for (name, why), of in opened.items()]
    lines += ["", "## Routes", "", _row("service", "route", "what"), _row(*["---"] * 3)]
    lines += [_row(row.service, f"`{route}`", row.name) for row in TABLE for route in row.routes]
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(row: Row, role: Role) -> str:
    held = row.cells.get(role, frozenset())
    return ", ".join(each.name.lower() for each in Relation if each in held)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m motcua.authority", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare and write nothing")
    made = page()
    if not parser.parse_args(argv).check:
        PAGE.write_text(made, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == made:
        return 0
    sys.stderr.write("docs/authority.md is out of step: run `python -m motcua.authority`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
