"""What a reader of an older system's log yields, whatever the file's format."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

MAX_EVENTS = 100_000
"""The most events of one trace that are held in memory."""
MAX_TOKEN = 1_048_576
"""The longest tag or line, in bytes, that is read."""
MAX_KEYS = 1_000
"""The most attributes of one event or trace, and the most columns."""
MAX_TRACE = 67_108_864
"""The most characters of one trace, in all its attributes, that are held in memory."""
MAX_UNPACKED = 17_179_869_184
"""The most bytes of a log, unpacked: 16 GiB."""
_MAX_RATIO = 200
"""How many times its size a packed log may have, unpacked. Logs have ten to fifty times; what is
made to fill a disk has a thousand."""
_SMALL = 16_777_216
"""Bytes, unpacked, up to which that is not asked."""


class LogError(Exception):
    """Reading the file cannot go on at this file and line; what was read before is valid."""

    def __init__(self, path: Path, line: int, what: str) -> None:
        super().__init__(f"{path}, line {line}: {what}")
        self.path = path
        self.line = line
        self.what = what


class LoggedEvent(NamedTuple):
    """One event as its file has it."""

    line: int
    """The line of the file, from 1, at which it begins."""
    attributes: dict[str, str]
    fault: str | None = None
    """Why it is unusable, if the reader knows already; it is then skipped."""


@dataclass
class LoggedTrace:
    """One case's events, in the order of the file."""

    line: int
    attributes: dict[str, str] = field(default_factory=dict)
    events: list[LoggedEvent] = field(default_factory=list)


class LogFile:
    """A file, plain or compressed, that knows how far it has been read."""

    def __init__(self, path: Path, raw: io.FileIO) -> None:
        self.path = path
        self._raw = raw
        self.size = path.stat().st_size
        self.unpacked = 0
        """The number of bytes read so far, unpacked."""
        self.packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        self.stream: gzip.GzipFile | io.BufferedReader
        if self.packed:
            self.stream = gzip.GzipFile(fileobj=raw)
        else:
            self.stream = io.BufferedReader(raw)

    @property
    def position(self) -> int:
        """The number of bytes read so far, as the file is on the disk."""
        return self.size if self._raw.closed else self._raw.tell()

    def fault_after(self, count: int) -> str | None:
        """Note that so many more bytes were read, unpacked; return why no more are, or None."""
        self.unpacked += count
        if self.unpacked > MAX_UNPACKED:
            return f"the log has more than {MAX_UNPACKED} bytes: import it in parts"
        if self.packed and self.unpacked > max(_SMALL, _MAX_RATIO * self.position):
            return f"the file unpacks to more than {_MAX_RATIO} times its size: unpack it yourself"
        return None

    def chunks(self) -> Iterator[bytes]:
        """Yield the content, unpacked, piece by piece.

        Raise EOFError, OSError or zlib.error where a compressed file is broken, after yielding
        everything before that place.
        """
        # `read1`, because `read` discards what it has gathered when the next block is broken.
        while chunk := self.stream.read1(65_536):
            yield chunk


def weight(attributes: Mapping[str, str]) -> int:
    """Return the characters of an event's or a trace's attributes."""
    return sum(len(key) + len(value) for key, value in attributes.items())


UNPACKING = (EOFError, OSError, zlib.error)
"""The errors that a broken compressed file raises."""


@contextmanager
def opened(path: Path) -> Iterator[LogFile]:
    """Yield the file, ready to be read. Raise LogError if it cannot be opened."""
    try:
        raw = io.FileIO(path)
    except OSError as error:
        raise LogError(path, 0, f"cannot be opened: {error.strerror}") from error
    with raw:
        yield LogFile(path, raw)
