"""What a log says of a case as a whole: a trace's attributes in XES, columns in CSV. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from services.intake.imports.log import LoggedTrace


class Differs(Exception):
    """The rows of a case say different things of the case. The text names column and lines."""


class Said(NamedTuple):
    """An attribute of the case, and the line of the file that says it."""

    text: str
    line: int


class CaseAttributes(Mapping[str, str]):
    """Finds the attributes of one case. What looks one up may raise Differs.

    A CSV file has no rows for cases: there an attribute is a column that says the same in all rows
    of the case in which it is filled.
    """

    def __init__(self, trace: LoggedTrace, *, columns: bool) -> None:
        self._trace = trace
        self._columns = columns
        self._known: dict[str, Said | None] = {}

    def __getitem__(self, key: str) -> str:
        said = self.said(key)
        if said is None:
            raise KeyError(key)
        return said.text

    def __iter__(self) -> Iterator[str]:
        rows = self._trace.events if self._columns else ()
        keys = {key: None for row in rows for key in row.attributes}
        return (key for key in {**self._trace.attributes, **keys} if self.said(key) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

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
