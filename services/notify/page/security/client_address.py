"""The client address of a request, so that one client cannot pass for many."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

from starlette.requests import Request

from services.runtime import client_address as exact_address

_IPV6_SITE = 64
"""A client with one IPv6 address has all that begin with the same 64 bits.

Large customers have many such networks; a wider one would include a whole street. `guesses.py`
computes what guessing from that many networks achieves.
"""


def client_address(request: Request, trusted_proxies: int) -> str:
    """Return the client's address; for IPv6, the network of one customer."""
    exact = exact_address(request.scope, trusted_proxies)
    try:
        address = ip_address(exact)
    except ValueError:
        return exact
    if isinstance(address, IPv6Address):
        return str(ip_network((address.packed, _IPV6_SITE), strict=False))
    return exact
