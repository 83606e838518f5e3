"""From where a request comes: the connection's address, or what the city's own proxies say."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from starlette.types import Scope


def client_address(scope: Scope, trusted_proxies: int) -> str:
    """Return the client's IP address; the connection's name if that is none.

    Anyone can write ``X-Forwarded-For``: only what our own proxies added at its end counts. If it
    has fewer entries than there are proxies, or no valid address, the connection's address counts.
    """
    client = scope.get("client")
    peer: str = client[0] if client else ""
    if trusted_proxies:
        said = [
            part.strip()
            for name, value in scope["headers"]
            if name == b"x-forwarded-for"
            for part in value.decode("latin-1").split(",")
        ]
        if len(said) >= trusted_proxies and (known := _address(said[-trusted_proxies])):
            return known
    return _address(peer) or peer


def _address(text: str) -> str | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)
