"""The address at which an instance of a service is asked for its metrics."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from contracts.wire.topics import SERVICES

FIRST_PORT = 8001
"""Where the demo and the Compose file serve intake; routing, sla and notify follow."""


@dataclass(frozen=True)
class Address:
    """The HTTP address of one instance."""

    url: str
    """Without a path: ``http://127.0.0.1:8001``."""
    service: str | None = None
    """The service expected there; None if only the instance itself can say."""


def address(text: str) -> Address:
    """Read an address as it is typed: a host with a port, or a URL with or without ``/metrics``.

    Raises ValueError if it is neither.
    """
    parts = urlsplit(text if "://" in text else f"http://{text}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{text!r} is no address: write http://HOST:PORT or HOST:PORT")
    path = parts.path.rstrip("/").removesuffix("/metrics")
    return Address(f"{parts.scheme}://{parts.netloc}{path}")


DEFAULT = tuple(
    Address(f"http://127.0.0.1:{FIRST_PORT + place}", name) for place, name in enumerate(SERVICES)
)
"""One instance of each service on this machine."""
