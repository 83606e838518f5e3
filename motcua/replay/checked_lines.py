"""Reads the lines of a recording's file, and checks that they are as they were written."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import NoReturn

import msgspec

from contracts.rules import digest
from contracts.wire.codec import BadRecord
from motcua.replay.header import BEGUN, ENDED, FORMAT, Header, Trailer
from motcua.replay.lines import Glance, Recorded, glance, recorded_of, sequence, whole

_COPY = "Copy it again, or record anew"
_BUFFER = 1 << 20


class RecordingError(Exception):
    """A file cannot be used. The text names the line, what is wrong there, and the remedy."""

    def __init__(self, path: Path, line: int | None, what: str, remedy: str = _COPY) -> None:
        """`line`: None if it is about the file as a whole."""
        where = f"{path}: line {line}" if line is not None else f"{path}"
        super().__init__(f"{where}: {what}. {remedy}.")
        self.line = line


class CheckedLines:
    """The lines of a file. They can be read once; what is wrong is a RecordingError."""

    def __init__(self, path: Path) -> None:
        """Read the header."""
        self._path = path
        self._sha256 = hashlib.sha256()
        self._texts = self._read()
        self.trailer: Trailer | None = None
        """Known once every record was read."""
        self.header = self._header()
        self._sets = {one.sha256: one for one in self.header.rules}

    def records(self) -> Iterator[tuple[Glance, bytes]]:
        """Yield what is seen of each record at a glance, and its text."""
        number = 1
        for text in self._texts:
            seen = self._glance(number, text)
            if seen.sequence != sequence(number):
                self._fail(
                    number,
                    f"here stands {seen.sequence.lstrip('0') or '0'}, and {number} is expected: "
                    "the stream has a hole, or its order was changed",
                )
            if seen.type == ENDED:
                self._end(number, text)
                return
            self._sha256.update(text)
            yield seen, text
            number += 1
        self._fail(number, "the file ends without a trailer: it was cut off")

    def recorded(self, seen: Glance, text: bytes) -> Recorded:
        """Return the record of a line."""
        number = int(seen.sequence)
        try:
            return recorded_of(whole(text), number, self._sets)
        except KeyError as error:
            self._fail(number, f"the header has no set of rules {error.args[0]}")
        except BadRecord as error:
            self._fail(number, str(error), "Use the release that wrote it, or a later one")
        except msgspec.MsgspecError as error:
            self._fail(number, f"not a CloudEvent: {error}")

    def _read(self) -> Iterator[bytes]:
        number = -1
        try:
            # Lines are found by C code: that halves what it costs to pass by a line.
            with gzip.open(self._path, "rb") as packed, BufferedReader(packed, _BUFFER) as file:
                for text in file:
                    number += 1
                    yield text
        except gzip.BadGzipFile as error:
            remedy = "A recording is a gzip file of lines: name one that `motcua record` wrote"
            self._fail(number + 1, f"not gzip: {error}", remedy)
        except (EOFError, zlib.error) as error:
            self._fail(number + 1, f"the file ends within a line, or is damaged: {error}")
        except OSError as error:
            what, remedy = f"cannot be read: {error.strerror}", "Name a file that can be"
            raise RecordingError(self._path, None, what, remedy) from None

    def _header(self) -> Header:
        text = next(self._texts, None)
        if text is None:
            self._fail(0, "the file is empty", "Record anew")
        self._sha256.update(text)
        try:
            line = whole(text)
        except msgspec.MsgspecError as error:
            self._fail(
                0, f"no recording begins here: {error}", "Name one that `motcua record` wrote"
            )
        if line.type != BEGUN:
            self._fail(0, f"no recording begins with {line.type}", "Name the whole file")
        version = msgspec.json.decode(bytes(line.data)).get("format")
        if version != FORMAT:
            self._fail(
                0,
                f"it has format {version}, and this release reads {FORMAT}",
                "Use the release that wrote it, or a later one",
            )
        try:
            header = msgspec.json.decode(bytes(line.data), type=Header)
        except msgspec.MsgspecError as error:
            self._fail(0, f"the header does not fit: {error}")
        for one in header.rules:
            if digest(one.files) != one.sha256:
                self._fail(0, f"the files of set {one.number} are not those that it names")
        return header

    def _glance(self, number: int, text: bytes) -> Glance:
        try:
            return glance(text)
        except msgspec.MsgspecError as error:
            self._fail(number, f"not a CloudEvent: {error}")

    def _end(self, number: int, text: bytes) -> None:
        try:
            trailer = msgspec.json.decode(bytes(whole(text).data), type=Trailer)
        except msgspec.MsgspecError as error:
            self._fail(number, f"the trailer does not fit: {error}")
        if trailer.count != number - 1:
            self._fail(number, f"it ends with {number - 1} records, and had {trailer.count}")
        if trailer.sha256 != self._sha256.hexdigest():
            self._fail(number, "its lines are not those that were written: someone has edited it")
        if next(self._texts, None) is not None:
            self._fail(number + 1, "something stands behind the trailer")
        self.trailer = trailer

    def _fail(self, line: int, what: str, remedy: str = _COPY) -> NoReturn:
        # People count lines from 1.
        raise RecordingError(self._path, line + 1, what, remedy)
