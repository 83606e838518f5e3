"""The client address of a request, so that one client cannot pass for many."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

from starlette.requests import Request

_IPV6_SITE = 64
"""A client with one IPv6 address has all that begin with the same 64 bits.

Large customers have many such networks; a wider one would include a whole street. `guesses.py`
computes what guessing from that many networks achieves.
"""


def client_address(request: Request, trusted_proxies: int) -> str:
    """Return the client's address; for IPv6, the network of one customer.

    Anyone can write ``X-Forwarded-For``: only what our own proxies added at its end counts. If it
    has fewer entries than there are proxies, or no valid address, the connection's address counts.
    """
    peer = request.client.host if request.client else ""
    if trusted_proxies:
        said = [
            part.strip()
            for line in request.headers.getlist("x-forwarded-for")
            for part in line.split(",")
        ]
        if len(said) >= trusted_proxies and (known := _site(said[-trusted_proxies])):
            return known
    return _site(peer) or peer


def _site(text: str) -> str | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((address.packed, _IPV6_SITE), strict=False))
    return str(address)
