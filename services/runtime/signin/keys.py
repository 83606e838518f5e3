"""The public keys of the identity provider: found by discovery, kept, and fetched again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey

log = structlog.get_logger("motcua.signin")

REFETCH_SECONDS = 30.0
"""The least time between two fetches: a stranger may name a new key with each request."""
FRESH_SECONDS = 300.0
"""After this time keys are fetched anew while the known ones go on, so that a key which the
provider has withdrawn opens nothing for longer."""
_TIMEOUT = aiohttp.ClientTimeout(total=5.0)
_LARGEST = 262_144
_LEAST_RSA_BITS = 2048

Fetch = Callable[[str], Awaitable[Any]]
"""Returns the JSON at an address. Raises OSError, TimeoutError or ValueError."""


class KeysAway(Exception):
    """The provider cannot be asked now, and the key is not among the known ones."""


class Keys:
    """The keys of one issuer. Only those that sign are kept, never a shared secret."""

    def __init__(
        self,
        issuer: str,
        fetch: Fetch | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._fetch = fetch or fetch_json
        self._monotonic = monotonic
        self._keys: dict[str, Key] = {}
        self._fetched: float | None = None
        """When keys came last."""
        self._asked: float | None = None
        """When the provider was asked last, whatever it answered."""
        self._asking = asyncio.Lock()
        self._refreshing: asyncio.Task[None] | None = None
        self.generation = 0
        """Raised whenever the keys are not the same as before."""

    async def key(self, kid: str) -> Key | None:
        """Return the key of that id; None if the provider has none.

        Raise KeysAway if only the provider could tell, and it is away.
        """
        known = self._keys.get(kid)
        if known is None:
            await self._ask()
            known = self._keys.get(kid)
            if known is None and (self._fetched is None or self._fetched != self._asked):
                raise KeysAway(f"the keys of {self._issuer} cannot be fetched")
        self.refresh()
        return known

    def refresh(self) -> None:
        """Fetch the keys again beside the requests, if they are not fresh any more."""
        now = self._monotonic()
        if (
            (self._fetched is None or now - self._fetched >= FRESH_SECONDS)
            and self._may_ask(now)
            and (self._refreshing is None or self._refreshing.done())
        ):
            self._refreshing = asyncio.create_task(self._ask(), name="keys of the provider")

    def _may_ask(self, now: float) -> bool:
        return self._asked is None or now - self._asked >= REFETCH_SECONDS

    async def _ask(self) -> None:
        async with self._asking:
            now = self._monotonic()
            if not self._may_ask(now):
                return
            self._asked = now
            try:
                found = await self._found()
            except (OSError, aiohttp.ClientError, TimeoutError, ValueError) as error:
                # What is known goes on; who needs more is told to come again.
                log.warning("keys cannot be fetched", issuer=self._issuer, error=repr(error))
                return
            self._fetched = now
            if _prints(found) != _prints(self._keys):
                self._keys = found
                self.generation += 1
                log.info("keys of the provider", issuer=self._issuer, kids=sorted(found))

    async def _found(self) -> dict[str, Key]:
        told = await self._fetch(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        if not isinstance(told, dict) or told.get("issuer") != self._issuer:
            raise ValueError(f"the discovery document is not that of {self._issuer}")
        where = told.get("jwks_uri")
        if not isinstance(where, str) or not _as_safe(where, self._issuer):
            raise ValueError(f"the address of the keys is no safe one: {where!r}")
        published = await self._fetch(where)
        if not isinstance(published, dict) or not isinstance(published.get("keys"), list):
            raise ValueError(f"there is no set of keys at {where}")
        return signing_keys(published["keys"])


def _as_safe(where: str, issuer: str) -> bool:
    """Return whether keys come over TLS; without it only from where the issuer itself has none."""
    return where.startswith("https://") or (
        issuer.startswith("http://") and where.startswith("http://")
    )


def signing_keys(published: list[Any]) -> dict[str, Key]:
    """Return the public keys by which tokens may be signed, by their ids.

    What else a provider publishes is left out: keys that encrypt, shared secrets, RSA keys of less
    than 2048 bits, and kinds that are not known.
    """
    found: dict[str, Key] = {}
    for each in published:
        if not isinstance(each, dict) or each.get("use", "sig") != "sig":
            continue
        kid = each.get("kid")
        if not isinstance(kid, str) or not kid:
            continue
        try:
            key = JWKRegistry.import_key(each)
        except (JoseError, ValueError, TypeError):
            continue
        if isinstance(key, RSAKey):
            public = key.public_key
            if isinstance(public, RSAPublicKey) and public.key_size < _LEAST_RSA_BITS:
                continue
        elif not isinstance(key, ECKey | OKPKey):
            continue
        found[kid] = key
    return found


def _prints(keys: dict[str, Key]) -> dict[str, str]:
    return {kid: key.thumbprint() for kid, key in keys.items()}


async def fetch_json(url: str) -> Any:
    """Return the JSON at an address; no redirects are followed."""
    async with (
        aiohttp.ClientSession(timeout=_TIMEOUT) as session,
        session.get(url, allow_redirects=False) as answer,
    ):
        if answer.status != 200:
            raise ValueError(f"{url} answers {answer.status}")
        body = await answer.content.read(_LARGEST + 1)
        if len(body) > _LARGEST:
            raise ValueError(f"{url} is larger than {_LARGEST} bytes")
        return await answer.json(content_type=None) if not body else _json(body)


def _json(body: bytes) -> Any:
    import json

    return json.loads(body)
