"""What a log says of a case as a whole: a trace's attributes in XES, columns in CSV. Pure."""

from __future__ import annotations

from typing import NamedTuple

from services.intake.imports.log import LoggedTrace


class Differs(Exception):
    """The rows of a case say different things of the case. The text names column and lines."""


class Said(NamedTuple):
    """An attribute of the case, and the line of the file that says it."""

    text: str
    line: int


class CaseAttributes:
    """Finds the attributes of one case.

    A CSV file has no rows for cases: there an attribute is a column that says the same in all rows
    of the case in which it is filled.
    """

    def __init__(self, trace: LoggedTrace, *, columns: bool) -> None:
        self._trace = trace
        self._columns = columns
        self._known: dict[str, Said | None] = {}

    def get(self, key: str) -> str | None:
        """Return the attribute; None if the log does not say. Raise Differs."""
        said = self.said(key)
        return said.text if said else None

    def said(self, key: str) -> Said | None:
        """Return the attribute and its line; None if the log does not say. Raise Differs."""
        if key not in self._known:
            self._known[key] = self._find(key)
        return self._known[key]

    def _find(self, key: str) -> Said | None:
        if own := self._trace.attributes.get(key):
            return Said(own, self._trace.line)
        if not self._columns:
            return None
        found: Said | None = None
        for row in self._trace.events:
            text = None if row.fault else row.attributes.get(key, "").strip()
            if not text:
                continue
            if found is None:
                found = Said(text, row.line)
            elif text != found.text:
                raise Differs(
                    f"the column {key!r} differs within the case: {found.text!r} in line"
                    f" {found.line}, {text!r} in line {row.line}"
                )
        return found
