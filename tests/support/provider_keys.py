"""An identity provider without a network: its keys, and the tokens that they sign."""

from __future__ import annotations

import time
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from contracts.wire.claims import Claims, Role
from services.runtime.signin.keys import Keys
from services.runtime.signin.verifier import Verifier

ISSUER = "https://id.example.vn/realms/city"
AUDIENCE = "motcua"
_ALL = ["RS256", "ES256", "Ed25519", "EdDSA", "HS256", "none", "PS256"]


def made(algorithm: str, kid: str) -> Key:
    """A new key."""
    if algorithm in ("RS256", "PS256"):
        return RSAKey.generate_key(2048, {"kid": kid})
    if algorithm == "ES256":
        return ECKey.generate_key("P-256", {"kid": kid})
    if algorithm == "HS256":
        return OctKey.generate_key(256, {"kid": kid})
    return OKPKey.generate_key("Ed25519", {"kid": kid})


class ProviderKeys:
    """Publishes keys, answers from its memory, and may be away."""

    def __init__(self) -> None:
        self.key = made("ES256", "one")
        self.published: list[Any] = [self.key.as_dict(private=False)]
        self.issuer = ISSUER
        self.jwks_uri = f"{ISSUER}/jwks"
        self.away = False
        self.fetches = 0
        self.now = time.time()
        self.monotonic = 1000.0

    async def fetch(self, url: str) -> Any:
        """What it publishes at an address."""
        if self.away:
            raise OSError("nobody listens")
        if url.endswith("/.well-known/openid-configuration"):
            self.fetches += 1
            return {"issuer": self.issuer, "jwks_uri": self.jwks_uri}
        assert url == self.jwks_uri
        return {"keys": self.published}

    def verifier(self, skew: float = 30.0) -> Verifier:
        """What verifies its tokens."""
        keys = Keys(ISSUER, self.fetch, lambda: self.monotonic)
        return Verifier(ISSUER, AUDIENCE, skew, keys, lambda: self.now)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a good token; None leaves one out."""
        told = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "6f1c",
            "exp": int(self.now) + 300,
            "iat": int(self.now),
            "motcua_officer": "cb-29-0004",
            "motcua_roles": ["officer"],
            "motcua_unit": "H29.1",
            **changes,
        }
        return {name: value for name, value in told.items() if value is not None}

    def token(
        self,
        key: Key | None = None,
        algorithm: str = "ES256",
        kid: str | None = "one",
        **changes: Any,
    ) -> str:
        """A token, signed with its key unless another is given."""
        header = {"alg": algorithm, **({} if kid is None else {"kid": kid})}
        return jwt.encode(header, self.claims(**changes), key or self.key, algorithms=_ALL)

    def token_of(self, claims: Claims, who: str) -> str:
        """A token of somebody with these claims."""
        named = "azp" if Role.MACHINE in claims.roles else "motcua_officer"
        told: dict[str, Any] = {"motcua_officer": None, "motcua_unit": claims.unit or None}
        told |= {"motcua_roles": [*claims.roles], "motcua_requests": [*claims.requests]}
        return self.token(**{**told, named: who})
