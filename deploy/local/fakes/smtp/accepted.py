"""The ledger of the local SMTP server: one JSON line per message that was answered with 250.

It decides what was accepted: a line is with the operating system before the answer goes out, so it
survives a kill of the server; a message without a line was never accepted.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesHeaderParser, BytesParser
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class AcceptedMail:
    """One accepted message. Field names are those of the ledger's JSON."""

    time: str
    """When it was accepted, RFC 3339 in UTC."""
    mail_from: str
    """Envelope sender."""
    rcpt_to: tuple[str, ...]
    """Envelope recipients."""
    message_id: str
    """The Message-ID header with its angle brackets, or the empty string."""
    subject: str
    """The decoded subject."""
    size: int
    """Bytes of the message as it was received."""
    raw_base64: str
    """The whole message."""

    @property
    def raw(self) -> bytes:
        """The message as it was received."""
        return base64.b64decode(self.raw_base64)

    def parsed(self) -> EmailMessage:
        """Parse the message, to read its headers and bodies."""
        message = BytesParser(policy=policy.default).parsebytes(self.raw)
        assert isinstance(message, EmailMessage)
        return message

    def to_line(self) -> bytes:
        """Return the line of the ledger, newline included."""
        return json.dumps(asdict(self), ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def accepted_now(mail_from: str, rcpt_to: list[str], raw: bytes) -> AcceptedMail:
    """Return the entry for a message that is being accepted; any bytes are a valid message."""
    headers = {
        name.lower(): str(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        for name, value in BytesHeaderParser().parsebytes(raw).raw_items()
    }
    return AcceptedMail(
        time=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        mail_from=mail_from,
        rcpt_to=tuple(rcpt_to),
        message_id=headers.get("message-id", "").strip(),
        subject=_readable(headers.get("subject", "")),
        size=len(raw),
        raw_base64=base64.b64encode(raw).decode(),
    )


def _readable(header: str) -> str:
    """Return a header on one line, its encoded words decoded."""
    # In an unknown encoding it is shown as it came; the message counts all the same.
    with suppress(LookupError, UnicodeError, ValueError):
        if "=?" in header:
            header = str(make_header(decode_header(header)))
    return " ".join(header.split())


def read_accepted_mails(path: Path) -> Iterator[AcceptedMail]:
    """Yield the accepted messages in the order of their acceptance; none if there is no ledger.

    A last line without its newline was never answered for and is left out.
    """
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                content = json.loads(line)
                yield AcceptedMail(**{**content, "rcpt_to": tuple(content["rcpt_to"])})


class Logged(Protocol):
    """What a ledger is made of."""

    def to_line(self) -> bytes:
        """Return the line, newline included."""
        ...


class AcceptedLog:
    """Appends to the ledger; use it on one event loop."""

    def __init__(self, path: Path, *, fsync: bool) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._fsync = fsync
        self._flushing = asyncio.Lock()
        self._written = self._safe = 0
        # One thread: parallel flushes of one file would gain nothing.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        _cut_torn_line(self._descriptor)

    async def append(self, entry: Logged) -> None:
        """Return when the line is with the operating system, or on the disk with `fsync`.

        Raise OSError (for example, a full disk) if writing fails; then nothing of the line stays.
        """
        line = entry.to_line()
        before = os.fstat(self._descriptor).st_size
        try:
            written = os.write(self._descriptor, line)
        except OSError:
            os.ftruncate(self._descriptor, before)
            raise
        if written < len(line):
            os.ftruncate(self._descriptor, before)
            raise OSError("the ledger took only a part of the line; the disk is probably full")
        self._written += 1
        if self._fsync:
            await self._flush_up_to(self._written)

    async def _flush_up_to(self, number: int) -> None:
        async with self._flushing:
            if self._safe >= number:
                return  # the flush that was waited for covered this line too
            covers = self._written
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._thread, os.fsync, self._descriptor)
            self._safe = covers

    def close(self) -> None:
        """Release the file."""
        self._thread.shutdown()
        os.close(self._descriptor)


def _cut_torn_line(descriptor: int) -> None:
    """Remove the rest of a line that a kill cut off: its message was never answered with 250."""
    size = os.fstat(descriptor).st_size
    end, block = size, 65536
    while end > 0:
        start = max(0, end - block)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end != size:
        os.ftruncate(descriptor, end)
