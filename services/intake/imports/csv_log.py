"""Reads a CSV file, a row per event or per case, trace by trace.

How rows find their case (``source.csv.rows`` of the mapping):

``anywhere``  The rows of a case may lie apart, as in a file that is sorted by time. The whole file
              is read first, into a temporary file as large as itself, and memory stays bounded.
              Because a case is complete only at the file's end, a file that breaks half-way
              yields nothing.
``together``  The rows of a case follow one another. Each case is yielded when the next begins, and
              only one is held. A case that comes back later is found by its code (see `codes`).

Within a case the rows keep the order of the file.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator

from services.intake.imports.log import (
    MAX_EVENTS,
    MAX_KEYS,
    MAX_TOKEN,
    MAX_TRACE,
    UNPACKING,
    LogError,
    LogFile,
    LoggedEvent,
    LoggedTrace,
    weight,
)
from services.intake.imports.mapping import CsvSource
from services.intake.imports.scratch import scratch


def read_csv(file: LogFile, source: CsvSource, wanted: Iterable[str] = ()) -> Iterator[LoggedTrace]:
    """Yield the traces of the file, ordered by their first row. Columns are the events' attributes.

    `wanted` names columns that the file must have besides those of the source.

    A row with too few or too many fields is yielded with its fault, so that it is counted. Raise
    LogError for a missing column, a byte that the encoding does not have, a quote that is never
    closed or a broken compressed file.
    """
    rows = _rows(file, source, wanted)
    if source.rows == "together":
        yield from _together(file, source, rows)
    else:
        yield from _anywhere(file, source, rows)


def _rows(
    file: LogFile, source: CsvSource, wanted: Iterable[str]
) -> Iterator[tuple[str, LoggedEvent]]:
    lines = _Lines(file, source.encoding)
    reader = csv.reader(lines, delimiter=source.delimiter, strict=True)
    header: list[str] | None = None
    while True:
        first = lines.number + 1
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            raise LogError(file.path, first, f"broken CSV in the row from here: {error}") from error
        if header is None:
            header = _header(file, row, source, wanted)
            place = header.index(source.case)
        elif row:
            fault = None
            if len(row) != len(header):
                fault = f"{len(row)} fields, the header has {len(header)}"
            case = row[place].strip() if place < len(row) else ""
            cells = {name: cell for name, cell in zip(header, row, strict=False) if cell}
            yield case, LoggedEvent(first, cells, fault)
    if header is None:
        raise LogError(file.path, 1, "the file is empty: there is no header")


def _header(file: LogFile, row: list[str], source: CsvSource, wanted: Iterable[str]) -> list[str]:
    header = [name.strip() for name in row]
    if len(header) > MAX_KEYS:
        raise LogError(file.path, 1, f"more than {MAX_KEYS} columns")
    columns = [source.case, source.time, source.activity, source.resource, source.event_id]
    columns += [column.time for column in source.columns]
    for name in filter(None, (*columns, *wanted)):
        if header.count(name) != 1:
            fault = "twice" if name in header else "missing"
            there = ", ".join(map(repr, header))
            raise LogError(file.path, 1, f"the column {name!r} is {fault}; there are {there}")
    return header


class _Lines:
    """The lines of the file as text. `number` is that of the last line read."""

    def __init__(self, file: LogFile, encoding: str) -> None:
        self._file = file
        self._encoding = encoding
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            raw = self._file.stream.readline(MAX_TOKEN + 1)
        except UNPACKING as error:
            what = f"the compressed file is broken after this line: {error}"
            raise LogError(self._file.path, self.number, what) from error
        if not raw:
            raise StopIteration
        self.number += 1
        if (fault := self._file.fault_after(len(raw))) is not None:
            raise LogError(self._file.path, self.number, fault)
        if len(raw) > MAX_TOKEN:
            raise LogError(self._file.path, self.number, f"longer than {MAX_TOKEN} bytes")
        if self.number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")  # the byte order mark of spreadsheets
        try:
            return raw.decode(self._encoding)
        except UnicodeDecodeError as error:
            what = f"not {self._encoding}: byte {error.start + 1} of the line: {error.reason}"
            raise LogError(self._file.path, self.number, what) from error


def _together(
    file: LogFile, source: CsvSource, rows: Iterator[tuple[str, LoggedEvent]]
) -> Iterator[LoggedTrace]:
    trace: LoggedTrace | None = None
    current, held = "", 0
    for case, event in rows:
        if trace is None or case != current or not case:
            if trace is not None:
                yield trace
            trace, current, held = LoggedTrace(event.line, _named(source, case)), case, 0
        held = _added(file, trace, event, held)
    if trace is not None:
        yield trace


def _added(file: LogFile, trace: LoggedTrace, event: LoggedEvent, held: int) -> int:
    """Add a row to its case, of which so many characters are held; return how many are then."""
    trace.events.append(event)
    if len(trace.events) > MAX_EVENTS:
        raise LogError(file.path, event.line, f"a case has more than {MAX_EVENTS} rows")
    held += weight(event.attributes)
    if held > MAX_TRACE:
        raise LogError(file.path, event.line, f"a case has more than {MAX_TRACE} characters")
    return held


def _named(source: CsvSource, case: str | None) -> dict[str, str]:
    return {source.case: case} if case else {}


def _anywhere(
    file: LogFile, source: CsvSource, rows: Iterator[tuple[str, LoggedEvent]]
) -> Iterator[LoggedTrace]:
    with scratch() as notes:
        notes.execute("CREATE TABLE cases (id INTEGER PRIMARY KEY, name TEXT UNIQUE)")
        notes.execute("CREATE TABLE rows (owner INTEGER, line INTEGER, cells TEXT, fault TEXT)")
        for case, event in rows:
            # The case's number is the line of its first row. Each row without a case stays alone.
            notes.execute("INSERT OR IGNORE INTO cases VALUES (?, ?)", (event.line, case or None))
            notes.execute(
                "INSERT INTO rows VALUES (coalesce((SELECT id FROM cases WHERE name = ?), ?),"
                " ?, ?, ?)",
                (case or None, event.line, event.line, json.dumps(event.attributes), event.fault),
            )
        trace: LoggedTrace | None = None
        held = 0
        for owner, line, cells, fault, case in notes.execute(
            "SELECT rows.*, name FROM rows JOIN cases ON id = owner ORDER BY owner, line"
        ):
            if trace is None or owner != trace.line:
                if trace is not None:
                    yield trace
                trace, held = LoggedTrace(owner, _named(source, case)), 0
            held = _added(file, trace, LoggedEvent(line, json.loads(cells), fault), held)
        if trace is not None:
            yield trace
