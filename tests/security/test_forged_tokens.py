"""Tokens that the city's provider has not given, or not for now, at every service of a city.

One of another audience and one that has expired are in `test_stranger.py`.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from contracts.wire.claims import Role
from contracts.wire.topics import SERVICES
from deploy.local.fakes.oidc.signing import Signing
from deploy.local.stack.city import City
from deploy.local.stack.stack import Stack

pytestmark = pytest.mark.integration

BALANCE = "/balance?since=2024-03-01T00:00:00Z&until=2024-04-01T00:00:00Z"
"""What an auditor may read at every service."""
SAYS = {"sub": "forger", "motcua_roles": [Role.AUDITOR.value], "motcua_officer": "forger"}


class Forger:
    """Who knows what everybody knows of the provider; and, for a token that only the provider could
    have given, its keys."""

    def __init__(self, issuer: str, stack: Stack) -> None:
        self.issuer = issuer
        self.signing = Signing(stack.folder / "oidc" / "data" / "keys.json")
        discovered = httpx.get(f"{issuer}/.well-known/openid-configuration", timeout=20).json()
        self.published = httpx.get(discovered["jwks_uri"], timeout=20).json()["keys"]

    def good(self, **changes: Any) -> str:
        """A token that the provider has signed."""
        return self.signing.token(self.issuer, "motcua", 600, {**SAYS, **changes})

    def made(self, header: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
        """A token that somebody else has put together, word for word as the provider would."""
        now = int(time.time())
        told = {"iss": self.issuer, "aud": "motcua", "iat": now, "exp": now + 600, **SAYS}
        signed = f"{_part(json.dumps(header).encode())}.{_part(json.dumps(told).encode())}"
        return f"{signed}.{_part(sign(signed.encode()))}"

    def confused(self) -> list[str]:
        """Signed with each published key, taken for a secret that one shares with the provider."""
        found = []
        for each in self.published:
            key = JWKRegistry.import_key(each)
            assert isinstance(key, RSAKey | ECKey | OKPKey)
            for secret in (
                key.as_pem(private=False),
                key.as_der(private=False),
                json.dumps(each).encode(),
            ):
                header = {"alg": "HS256", "kid": each["kid"], "typ": "JWT"}
                found.append(self.made(header, lambda signed, by=secret: _mac(by, signed)))  # type: ignore[misc]
        return found


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _mac(secret: bytes, signed: bytes) -> bytes:
    return hmac.new(secret, signed, hashlib.sha256).digest()


@pytest.fixture(scope="module")
def forger(city: City, stack: Stack) -> Forger:
    return Forger(city.endpoints.oidc, stack)


def _forged(forger: Forger, folder: Path) -> dict[str, str]:
    kid = forger.published[-1]["kid"]
    stranger = Signing(folder / "keys.json")
    of_another = stranger.token(forger.issuer, "motcua", 600, SAYS)
    head, body, signature = forger.good().split(".")
    promoted = json.dumps({**json.loads(base64.urlsafe_b64decode(body + "==")), "sub": "another"})
    return {
        "another issuer": forger.good(iss="http://127.0.0.1:1"),
        "another issuer, as a path of ours": forger.good(iss=f"{forger.issuer}/other"),
        "not valid yet": forger.good(nbf=int(time.time()) + 3600),
        "issued tomorrow": forger.good(iat=int(time.time()) + 86_400),
        "an unknown key": of_another,
        "another key under a known id": forger.made(
            {"alg": "RS256", "kid": kid}, lambda _: b"x" * 256
        ),
        "no algorithm": forger.made({"alg": "none", "kid": kid}, lambda _: b""),
        "no algorithm, in capitals": forger.made({"alg": "NONE", "kid": kid}, lambda _: b""),
        "no key's id": forger.made({"alg": "none"}, lambda _: b""),
        "a changed body": f"{head}.{_part(promoted.encode())}.{signature}",
        "no signature": f"{head}.{body}.",
        **{f"a public key as a secret {n}": each for n, each in enumerate(forger.confused())},
    }


async def test_no_forged_token_opens_any_service(
    city: City, forger: Forger, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    forged = _forged(forger, tmp_path)
    assert len(forged) >= 14
    async with httpx.AsyncClient(timeout=60) as http:

        async def status(service: str, bearer: str) -> httpx.Response:
            headers = {"Authorization": f"Bearer {bearer}"}
            return await http.get(city.of(service).url + BALANCE, headers=headers)

        for service in SERVICES:
            # The same, given by the provider, opens it.
            assert (await status(service, forger.good())).status_code == 200
            answers = await asyncio.gather(*(status(service, each) for each in forged.values()))
            for words, answer in zip(forged, answers, strict=True):
                assert answer.status_code == 401, (service, words, answer.text)
                assert answer.headers["www-authenticate"].startswith("Bearer ")
    record_property("forged", len(forged) * len(SERVICES))
