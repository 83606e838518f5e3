"""Webhooks: a business that files many dossiers is told over HTTP, signed as the standard says.

The recipient chooses the address, so it is checked before anything is sent. What is not public
(this machine, the city's own network, a cloud's inner services) is never called.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
from yarl import URL

from services.notify.channels.gateway import NOT_CONNECTED, retry_after, session
from services.notify.channels.provider import Accepted, MaybeTaken, NotTaken, Outgoing, Rejected
from services.notify.channels.redact import without
from services.notify.channels.standard_webhooks import key_of, signed


@dataclass(frozen=True)
class Webhooks:
    """How webhooks are called."""

    name: str
    private: bool = False
    """Whether plain HTTP and addresses that are not public may be called: for a test only."""
    connections: int = 32
    timeout: float = 10.0


class WebhookProvider:
    """Calls the receivers' addresses. Used by several tasks at once."""

    keyed = True

    def __init__(self, webhooks: Webhooks, clock: Callable[[], float] = time.time) -> None:
        self.name = webhooks.name
        self._webhooks = webhooks
        self._clock = clock
        self._session = session(webhooks.connections, webhooks.timeout, keeps=False)

    async def send(self, message: Outgoing) -> Accepted:
        """Return once the receiver has answered 2xx. Raise Rejected, NotTaken or MaybeTaken.

        The receiver recognises a repetition by its ``webhook-id``, which is the message's id.
        """
        url = _parsed(message.to, private=self._webhooks.private)
        body = payload(message)
        try:
            key = key_of(message.secret or "")
        except ValueError as error:
            raise Rejected("there is no secret to sign it with") from error
        headers = {
            "Content-Type": "application/json",
            "Host": url.raw_authority,
            **signed(key, message.message_id, int(self._clock()), body),
        }
        try:
            async with (
                asyncio.timeout(self._webhooks.timeout),
                self._session.post(
                    # The very address that was checked: a moment later the name may lead elsewhere.
                    url.with_host(await self._address(url)),
                    data=body,
                    headers=headers,
                    server_hostname=url.raw_host,
                    allow_redirects=False,
                ) as answer,
            ):
                # The body is not read: a stranger's may have no end, or unpack to gigabytes.
                pass
        except NOT_CONNECTED as error:
            raise NotTaken(_nameless(f"cannot be reached: {error!r}", url)) from error
        except TimeoutError as error:
            raise MaybeTaken("no answer in time", silent=True) from error
        except aiohttp.ClientError as error:
            raise MaybeTaken(_nameless(f"the connection broke off: {error!r}", url)) from error
        if 200 <= answer.status < 300:
            return Accepted(self.name)
        if answer.status == 410:
            raise Rejected("410: the receiver wants no more")
        raise NotTaken(f"answered {answer.status}", retry_after=retry_after(answer.headers))

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def _address(self, url: URL) -> str:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(url.raw_host, url.port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise NotTaken(_nameless(f"its name is not known: {error}", url)) from error
        addresses = [str(entry[4][0]) for entry in found]
        if not self._webhooks.private:
            for address in addresses:
                if not public(address):
                    raise Rejected("the address is not public")
        return addresses[0]


def public(address: str) -> bool:
    """Return whether an IP address is on the public internet, and in no network of our own."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None:
            ip = inner
        elif ip in _NAT64:
            ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        elif ip not in _GLOBAL:
            return False
    return ip.is_global and not ip.is_multicast


_GLOBAL = ipaddress.IPv6Network("2000::/3")
"""All that has been assigned so far. Beyond it there are ways into IPv4 (``::/96``,
``64:ff9b:1::/48``) and site-local addresses (``fec0::/10``)."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def payload(message: Outgoing) -> bytes:
    """Return the body to send: the same bytes at every attempt."""
    data = {
        "dossier": message.dossier,
        "subject": message.text.subject,
        "text": message.text.body,
    }
    return json.dumps({"type": "message", "data": data}, ensure_ascii=False).encode()


def _parsed(address: str, *, private: bool) -> URL:
    try:
        url = URL(address)
    except ValueError as error:
        raise Rejected("the address is none") from error
    if url.scheme != "https" and not (private and url.scheme == "http"):
        raise Rejected("the address must begin with https://")
    if not url.raw_host or url.user is not None or url.password is not None:
        raise Rejected("the address must name a host, and nobody's password")
    return url


def _nameless(said: str, url: URL) -> str:
    """Return the error without the receiver's name, which a certificate error may repeat."""
    return without(said, url.host or "", url.raw_host or "")
