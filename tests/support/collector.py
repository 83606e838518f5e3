"""A collector of security events that really listens: it ends, is away, and comes back."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from types import TracebackType


class Collector:
    """Takes octet-counted messages over TCP or TLS, on one port, as often as it is started."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._listener: socket.socket | None = None
        self._connection: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self.messages: list[bytes] = []
        self.stops_after: int | None = None
        """With so many messages it closes its connection and listens no more."""
        self.port = 0

    def start(self) -> None:
        """Listen, on the same port as before."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._take, args=(self._listener,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End at once: what was sent and not read is lost."""
        for each in (self._listener, self._connection):
            if each is not None:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)  # wakes whoever waits for it
                each.close()

    def __enter__(self) -> Collector:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _take(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True)
            except ssl.SSLError:
                continue
            except OSError:
                return
            self._connection = connection
            if self._read(connection):
                return

    def _read(self, connection: socket.socket) -> bool:
        """Read until the connection ends; return whether the collector has ended."""
        kept = b""
        while True:
            try:
                got = connection.recv(65_536)
            except OSError:
                return False
            if not got:
                return False
            kept += got
            while True:
                length, blank, rest = kept.partition(b" ")
                if not blank or len(rest) < int(length):
                    break
                self.messages.append(rest[: int(length)])
                kept = rest[int(length) :]
                if len(self.messages) == self.stops_after:
                    self.stop()
                    return True
