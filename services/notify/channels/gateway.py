"""SMS and Zalo over a provider's HTTP gateway. The contract is in ``docs/howto.md``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from services.notify.channels import segments
from services.notify.channels.provider import (
    Accepted,
    MaybeTaken,
    Misconfigured,
    NoAddress,
    NotTaken,
    Outgoing,
    Rejected,
)
from services.notify.channels.redact import without
from services.notify.channels.reference import reference
from services.shared.addresses import e164, zalo

_LONGEST_RETRY_AFTER = 600.0
_LONGEST_ANSWER = 65_536
"""Bytes that are read of a gateway's answer: it says who it knows the message as, or why not."""
_MOST_PARTS = 255
"""No SMS has more segments: their number is one byte."""


@dataclass(frozen=True)
class Gateway:
    """A gateway's address, and how it knows us."""

    name: str
    url: str
    token: str
    receipts: str | None = None
    """Where its delivery receipts should go; None if they are not wanted."""
    connections: int = 8
    rate: float = 50.0
    """Messages a second."""
    timeout: float = 20.0
    """Seconds for one message, from connecting to the answer."""


class SmsProvider:
    """Sends short messages. Used by several tasks at once."""

    keyed = True

    def __init__(self, gateway: Gateway, *, plain: bool, most_parts: int) -> None:
        """`plain` removes diacritics; a message has at most `most_parts` segments."""
        self.name = gateway.name
        self._http = _Client(gateway, "sms")
        self._plain = plain
        self._most_parts = most_parts

    async def send(self, message: Outgoing) -> Accepted:
        """Return once the gateway has accepted it. Raise Rejected, NotTaken or MaybeTaken."""
        short = message.text.short
        text = segments.fit(segments.plain(short) if self._plain else short, self._most_parts)
        answer = await self._http.post(message, _address(e164, message.to), text)
        counted = answer.get("parts")
        if not isinstance(counted, int) or not 0 < counted <= _MOST_PARTS:
            counted = segments.parts(text)
        return Accepted(self.name, _reference(answer), counted)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


class ZaloProvider:
    """Sends messages to the followers of the city's account. Used by several tasks at once."""

    keyed = True

    def __init__(self, gateway: Gateway, *, most_characters: int) -> None:
        """Limit a message to `most_characters`."""
        self.name = gateway.name
        self._http = _Client(gateway, "zalo")
        self._most_characters = most_characters

    async def send(self, message: Outgoing) -> Accepted:
        """Return once the gateway has accepted it. Raise Rejected, NotTaken or MaybeTaken."""
        to = _address(zalo, message.to)
        text = segments.fit(message.text.short, self._most_characters, segments.characters)
        answer = await self._http.post(message, to, text)
        return Accepted(self.name, _reference(answer))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def _address(written_as: Callable[[str], str], to: str) -> str:
    try:
        return written_as(to)
    except ValueError as error:
        raise NoAddress(str(error)) from None


class _Client:
    """Posts to one path of a gateway and interprets its answer."""

    def __init__(self, gateway: Gateway, path: str) -> None:
        self._gateway = gateway
        self._url = f"{gateway.url.rstrip('/')}/{path}"
        self._session = session(gateway.connections, gateway.timeout)

    async def post(self, message: Outgoing, to: str, text: str) -> dict[str, Any]:
        """Return the gateway's answer to an accepted message."""
        ours = reference(message.dossier, message.message_id)
        body = {"to": to, "text": text, "reference": ours}
        if self._gateway.receipts:
            body["receipts"] = self._gateway.receipts
        headers = {
            "Authorization": f"Bearer {self._gateway.token}",
            "Idempotency-Key": message.message_id,
            "Accept-Encoding": "identity",
        }
        try:
            async with (
                asyncio.timeout(self._gateway.timeout),
                self._session.post(
                    self._url, json=body, headers=headers, allow_redirects=False
                ) as answer,
            ):
                content = await _beginning(answer)
        except NOT_CONNECTED as error:
            raise NotTaken(f"cannot be reached: {error!r}") from error
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            raise Misconfigured(f"its address is none: {error}") from error
        except TimeoutError as error:
            raise MaybeTaken("no answer in time", silent=True) from error
        except aiohttp.ClientError as error:
            raise MaybeTaken(f"the connection broke off: {error!r}") from error
        except ValueError:
            # Nothing was sent. The exception's text is left out: it repeats the token.
            raise Misconfigured("its token cannot stand in a header (a line's end?)") from None
        return judged(answer.status, answer.headers, content, to, message.to)

    async def close(self) -> None:
        await self._session.close()


NOT_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""No connection was made, so certainly nothing was sent."""


def session(connections: int, timeout: float, *, keeps: bool = True) -> aiohttp.ClientSession:
    """Return an HTTP session without cookies; callers forbid redirects themselves.

    `timeout` is in seconds and limits connecting only, to at most five; `keeps` says whether
    connections are reused. Make it and close it while an event loop runs.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, force_close=not keeps),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=min(5.0, timeout)),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,  # a few bytes may unpack to gigabytes
    )


async def _beginning(answer: aiohttp.ClientResponse) -> bytes:
    """Return the answer's body, as far as it is read."""
    content = b""
    while len(content) < _LONGEST_ANSWER:
        if not (more := await answer.content.read(_LONGEST_ANSWER - len(content))):
            break
        content += more
    return content


def judged(
    status: int, headers: Mapping[str, str], content: bytes, *addressed: str
) -> dict[str, Any]:
    """Return a gateway's answer if it is a yes. Raise Rejected, NotTaken or MaybeTaken.

    `addressed` is the recipient's address as given and as sent: no error text repeats it.
    """
    said = _said(content)
    if 200 <= status < 300:
        return said
    # Not cut short: the rest of a cut address would not be recognised as one.
    why = without(_sayable(str(said.get("error", ""))), *addressed)
    detail = f"{status} {why}".rstrip()
    if status in (401, 402, 403, 404, 405) or status < 400:
        raise Misconfigured(f"does not take our requests: {detail}")
    if status in (429, 503):
        raise NotTaken(f"not now: {detail}", retry_after=retry_after(headers))
    if status >= 500 or status in (408, 409, 425):
        # Behind a proxy, or in the middle of its work: it may have got further than it says.
        raise MaybeTaken(f"says neither yes nor no: {detail}")
    raise Rejected(detail)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a provider asks us to wait, at most 600; None if it does not ask."""
    value = headers.get("Retry-After", "")
    if not (value.isascii() and value.isdigit()):
        return None  # an HTTP date, which no gateway that we know of uses
    return min(float(value), _LONGEST_RETRY_AFTER)


def _said(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}  # the status alone says enough
    return found if isinstance(found, dict) else {}


def _reference(answer: dict[str, Any]) -> str | None:
    found = answer.get("id")
    return _sayable(str(found))[:200] if found else None


def _sayable(text: str) -> str:
    """Replace lone surrogates, which JSON can name and no event can carry."""
    return text.encode(errors="replace").decode()
