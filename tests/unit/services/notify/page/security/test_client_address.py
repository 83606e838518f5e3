"""Whose address a request counts for: as far as our own proxies vouch for it."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from services.notify.page.security.client_address import client_address


@pytest.mark.parametrize(
    ("said", "proxies", "address"),
    [
        ((), 0, "192.0.2.1"),
        (("203.0.113.9",), 0, "192.0.2.1"),
        (("203.0.113.9",), 1, "203.0.113.9"),
        (("198.51.100.7, 203.0.113.9",), 1, "203.0.113.9"),
        (("198.51.100.7, 203.0.113.9, 10.0.0.1",), 2, "203.0.113.9"),
        (("198.51.100.7", "203.0.113.9, 10.0.0.1"), 2, "203.0.113.9"),
        (("203.0.113.9",), 2, "192.0.2.1"),
        (("nonsense",), 1, "192.0.2.1"),
        ((), 1, "192.0.2.1"),
        (("2001:db8:1:2:3:4:5:6",), 1, "2001:db8:1:2::/64"),
        (("::ffff:203.0.113.9",), 1, "203.0.113.9"),
    ],
)
def test_an_address_counts_as_far_as_our_own_proxies_vouch_for_it(
    said: tuple[str, ...], proxies: int, address: str
) -> None:
    headers = [(b"x-forwarded-for", line.encode()) for line in said]
    request = Request({"type": "http", "headers": headers, "client": ("192.0.2.1", 5)})
    assert client_address(request, proxies) == address
