"""A recording: a piece of a city's log in a file. See docs/recording-format.md."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from contracts.events.clock import CLOCK_SUBJECT
from contracts.events.world import WORLD_SUBJECTS
from motcua.replay.checked_lines import CheckedLines
from motcua.replay.header import Header, Trailer, header_line, trailer_line
from motcua.replay.lines import Glance, Line, Recorded, line_of, renumbered, written

MEMBER = 4_000
"""Lines in each gzip member: a reader can begin at any of them."""
BROADCAST = frozenset({CLOCK_SUBJECT}) | WORLD_SUBJECTS
"""The subjects that belong to no dossier, and to all."""


@dataclass(frozen=True)
class Recording:
    """A recording in a file. Its records are read from there each time: none is kept."""

    path: Path
    header: Header
    dossiers: frozenset[str] | None = None
    """Only these; None for all that it has."""

    @property
    def whole(self) -> bool:
        """Whether everything is there that units' mornings are made of."""
        return self.dossiers is None and self.header.selection.whole

    def only(self, *dossiers: str) -> Recording:
        """Return the recording of these dossiers alone; what units' heads are told is left out."""
        return Recording(self.path, self.header, frozenset(dossiers))

    def events(
        self,
        mine: Callable[[str], bool] = lambda _: True,
        passed: Callable[[Glance], None] = lambda _: None,
    ) -> Iterator[Recorded]:
        """Yield, in their order, the records of subjects that are `mine`, and what is broadcast.

        `passed` is told of each other record. Raise RecordingError; that the file is whole is known
        behind the last record.
        """
        lines = CheckedLines(self.path)
        chosen = self.dossiers
        for seen, text in lines.records():
            subject = seen.subject
            if subject in BROADCAST or ((chosen is None or subject in chosen) and mine(subject)):
                yield lines.recorded(seen, text)
            else:
                passed(seen)

    def trailer(self) -> Trailer:
        """Return the trailer, with the whole file checked. Raise RecordingError."""
        lines = CheckedLines(self.path)
        for _ in lines.records():
            pass
        assert lines.trailer is not None
        return lines.trailer

    def write(self, path: Path, state_hash: str) -> None:
        """Write what was selected of it as a recording of its own, which ends in these states."""
        header = self.header
        if self.dossiers is not None:
            chosen = replace(header.selection, dossiers=tuple(sorted(self.dossiers)))
            header = replace(header, selection=chosen)
        with Writer(path, header) as writer:
            for record in self.events():
                writer.write(record)
            writer.end(state_hash)


def read(path: Path | str) -> Recording:
    """Return the recording in a file, its header checked. Raise RecordingError."""
    return Recording(Path(path), CheckedLines(Path(path)).header)


class Writer:
    """Writes a recording, record by record. The same records give the same bytes."""

    def __init__(self, path: Path, header: Header) -> None:
        self.header = header
        self.count = 0
        self._file = path.open("wb")
        self._sha256 = hashlib.sha256()
        self._waiting = io.BytesIO()
        self._lines = 0
        self._put(header_line(header))

    def write(self, recorded: Recorded) -> None:
        """Append a record; its number becomes that of its place here."""
        self.count += 1
        self._put(line_of(recorded._replace(number=self.count)))

    def copy(self, text: bytes) -> None:
        """Append a record's line of another recording; only its number changes."""
        self.count += 1
        self._put_text(renumbered(text, self.count))

    def end(self, state_hash: str) -> None:
        """Append the trailer. Without it, the file is no recording."""
        sha256 = self._sha256.hexdigest()
        trailer = Trailer(count=self.count, sha256=sha256, state_hash=state_hash)
        self._put(trailer_line(trailer, self.header.until))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._flush()
        self._file.close()

    def _put(self, line: Line) -> None:
        self._put_text(written(line))

    def _put_text(self, text: bytes) -> None:
        self._sha256.update(text)
        self._waiting.write(text)
        self._lines += 1
        if self._lines % MEMBER == 0:
            self._flush()

    def _flush(self) -> None:
        if text := self._waiting.getvalue():
            # Neither a name nor a time is in it.
            with gzip.GzipFile("", "wb", fileobj=self._file, mtime=0) as member:
                member.write(text)
            self._waiting = io.BytesIO()
