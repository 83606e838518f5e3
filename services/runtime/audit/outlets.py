"""Where security events are delivered to: a collector over TCP or TLS, or a file."""

from __future__ import annotations

import array
import asyncio
import contextlib
import fcntl
import os
import socket
import ssl
import termios
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from services.runtime.refusal import SettingsWrong

_CONNECT = 10.0
"""Seconds that a connection may take."""
_ARRIVES = 30.0
"""Seconds within which the other side's machine must confirm what it was sent."""
_LOOKS = 0.005
"""Seconds between two looks at what the other side has confirmed: nothing tells of it."""
_UNREAD = 5.0
"""Seconds of what was sent that a collector which ended may not have read."""


class CollectorAway(ConnectionError):
    """The collector cannot be reached, or has closed the connection."""


class Outlet(Protocol):
    """Takes events, whole and in order."""

    async def write(self, events: Sequence[bytes]) -> None:
        """Return when the other side has them. Raise OSError if that cannot be known."""
        ...

    async def close(self) -> None: ...


class Collector:
    """A collector over TCP, or over TLS.

    Syslog over a stream has no acknowledgement. So what was sent counts as delivered when the other
    side's machine has confirmed every byte; and when a connection has ended, what was sent in its
    last five seconds is sent again, since the collector may have ended with it unread.
    """

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        self._host, self._port, self._tls = host, port, tls
        self._writer: asyncio.StreamWriter | None = None
        self._reader: asyncio.StreamReader | None = None
        self._sent: deque[tuple[float, bytes]] = deque()
        """What may not have been read: when it was sent, and what."""

    async def write(self, events: Sequence[bytes]) -> None:
        """Return when the other side's machine has all of it. Raise CollectorAway, or OSError."""
        try:
            if self._writer is None:
                await self._connect()
            await self._send(b"".join(events))
        except BaseException:
            await self.close()
            raise
        now = time.monotonic()
        self._sent.extend((now, event) for event in events)
        while self._sent and self._sent[0][0] < now - _UNREAD:
            self._sent.popleft()

    async def close(self) -> None:
        """Close the connection, whatever is under way."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(1.0):
                    await writer.wait_closed()

    async def _connect(self) -> None:
        async with asyncio.timeout(_CONNECT):
            self._reader, self._writer = await asyncio.open_connection(
                self._host, self._port, ssl=self._tls
            )
        self._writer.transport.set_write_buffer_limits(high=0)  # `drain` waits until all is sent
        await self._send(b"".join(event for _, event in self._sent))

    async def _send(self, data: bytes) -> None:
        writer, reader = self._writer, self._reader
        assert writer is not None
        assert reader is not None
        if reader.at_eof():
            raise CollectorAway("the collector has closed the connection")
        writer.write(data)
        found: socket.socket = writer.get_extra_info("socket")
        async with asyncio.timeout(_ARRIVES):
            await writer.drain()
            while _unconfirmed(found):
                if reader.at_eof() or writer.is_closing():
                    raise CollectorAway("the collector has closed the connection")
                await asyncio.sleep(_LOOKS)


def _unconfirmed(connection: socket.socket) -> int:
    """Return how many bytes the other side's machine has not confirmed (Linux's SIOCOUTQ)."""
    found = array.array("i", [0])
    fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, found)
    return found[0]


class EventFile:
    """A file to whose end events are written. Another program may move it away meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def write(self, events: Sequence[bytes]) -> None:
        """Return when the disk has them. Raise OSError if they cannot be written."""
        await asyncio.to_thread(self._append, b"".join(events))

    async def close(self) -> None:
        """Do nothing: the file is closed after each write."""

    def _append(self, data: bytes) -> None:
        with self._path.open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def outlet_of(to: str, ca_file: Path | None = None) -> Outlet:
    """Return where ``tcp://host:port``, ``tls://host:port`` or a path leads.

    `ca_file`: whose certificates the collector may have; None: those that the system trusts. Raise
    SettingsWrong if it leads nowhere.
    """
    if "://" not in to:
        return EventFile(Path(to))
    try:
        said = urlsplit(to)
        host, port = said.hostname, said.port
    except ValueError as error:
        raise SettingsWrong(f"--to {to}: {error}") from error
    if said.scheme not in ("tcp", "tls") or not host or not port or said.path not in ("", "/"):
        raise SettingsWrong(f"--to {to}: write tcp://host:port, tls://host:port or a file's path")
    if said.scheme == "tcp":
        return Collector(host, port, None)
    try:
        return Collector(host, port, ssl.create_default_context(cafile=ca_file))
    except (OSError, ssl.SSLError) as error:
        raise SettingsWrong(f"{ca_file}: no certificates to trust: {error}") from error
