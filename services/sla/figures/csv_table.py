"""Tables as CSV that a spreadsheet opens as it should: RFC 4180, and UTF-8 that says so."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from contracts.values import rfc3339

_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
"""A text that begins so is computed by a spreadsheet, whoever wrote it."""


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """A header and a line for each row; what a row lacks is empty.

    Without the byte order mark, Excel takes UTF-8 for the machine's own code page, and Vietnamese
    for noise.
    """
    file = io.StringIO(newline="")
    file.write("\ufeff")
    lines = csv.writer(file)
    lines.writerow(columns)
    lines.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return file.getvalue()


def _cell(value: Any) -> str | int:
    match value:
        case None:
            return ""
        case bool() | datetime() | list() | str():
            text = _text(value)
            return f"'{text}" if text.startswith(_FORMULA) else text
        case int():
            return value
    raise TypeError(f"{value!r} is nothing that a table shows")


def _text(value: bool | datetime | list[str] | str) -> str:
    match value:
        case datetime():
            return rfc3339(value)
        case list():
            return " ".join(value)
        case _:
            return str(value)
