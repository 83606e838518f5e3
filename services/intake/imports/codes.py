"""Dossier codes for the cases of an older system: computed, never drawn, never shared."""

from __future__ import annotations

import re
import sqlite3
from datetime import datetime, timedelta, timezone

from contracts.values import DOSSIER_CODE

VIETNAM = timezone(timedelta(hours=7))
"""Without daylight saving, since 1975."""

_CODE = re.compile(DOSSIER_CODE)


class NoCode(Exception):
    """A case cannot have a dossier code of its own. The text says why."""


def dossier_code(agency: str, case: str, number: str, first: datetime) -> str:
    """Return the case's code: agency, day of its first event in Vietnam, number. Raise NoCode."""
    code = f"{agency}-{first.astimezone(VIETNAM):%y%m%d}-{number.upper().zfill(4)}"
    if not _CODE.match(code):
        raise NoCode(f"case {case!r} would be {code!r}, which is not a dossier code")
    return code


class Codes:
    """Which case of this file has which code. Kept in the run's scratch database."""

    def __init__(self, notes: sqlite3.Connection) -> None:
        self._notes = notes
        notes.execute("CREATE TABLE codes (code TEXT UNIQUE, name TEXT UNIQUE, line INTEGER)")

    def claim(self, code: str, case: str, line: int) -> None:
        """Give the code to the case. Raise NoCode, naming both cases, if either is taken."""
        try:
            self._notes.execute("INSERT INTO codes VALUES (?, ?, ?)", (code, case, line))
        except sqlite3.IntegrityError:
            other, where, taken = self._notes.execute(
                "SELECT name, line, code FROM codes WHERE code = ? OR name = ?", (code, case)
            ).fetchone()
            if other == case:
                raise NoCode(
                    f"case {case!r} stands in the file twice, at lines {where} and {line}"
                ) from None
            raise NoCode(
                f"case {case!r} (line {line}) and case {other!r} (line {where}) would both be"
                f" {taken}: let source.number take more of the case's id"
            ) from None
