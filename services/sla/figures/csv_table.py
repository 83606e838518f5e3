"""Tables as CSV that a spreadsheet opens correctly: RFC 4180, and UTF-8 with a byte order mark."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from contracts.values import rfc3339

_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
"""A spreadsheet computes a text that begins with one of these, whoever wrote it."""


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return a header and a line for each row; what a row lacks is empty.

    Without the byte order mark, Excel reads UTF-8 in the machine's own code page and garbles
    Vietnamese.
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
