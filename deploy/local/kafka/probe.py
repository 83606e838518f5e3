"""Ask a Kafka broker whether it serves, with one request on a plain socket."""

from __future__ import annotations

import socket
import struct

METADATA, VERSION = 3, 4


def serves(port: int, timeout_s: float = 1.0) -> bool:
    """Return whether the broker on 127.0.0.1:`port` is registered, unfenced and answers requests.

    It is, if its own answer to a metadata request lists this very port among the brokers that
    clients may use.
    """
    client = b"motcua"
    body = struct.pack(">hhih", METADATA, VERSION, 1, len(client)) + client
    body += struct.pack(">ib", 0, 0)  # no topics, and none to be created
    try:
        with socket.create_connection(("127.0.0.1", port), timeout_s) as connection:
            connection.settimeout(timeout_s)
            connection.sendall(struct.pack(">i", len(body)) + body)
            (size,) = struct.unpack(">i", _read(connection, 4))
            answer = _read(connection, size)
    except OSError:
        return False  # nothing listens yet, or it hung up: exactly what is asked here
    return port in broker_ports(answer)


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise ConnectionError("the broker closed the connection")
        data += chunk
    return data


def broker_ports(answer: bytes) -> list[int]:
    """Return the ports of the brokers in a metadata answer (version 4, without its length)."""
    _correlation, _throttle, count = struct.unpack_from(">iii", answer)
    position, ports = 12, []
    for _ in range(count):
        _node, length = struct.unpack_from(">ih", answer, position)
        position += 6 + length
        (port,) = struct.unpack_from(">i", answer, position)
        position += 4
        (rack,) = struct.unpack_from(">h", answer, position)
        position += 2 + max(0, rack)
        ports.append(port)
    return ports
