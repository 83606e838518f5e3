"""The keys of the local identity provider, kept in a file, and the tokens that they sign."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, JWKRegistry, Key, KeyParameters, OKPKey, RSAKey

_KINDS = ("ES256", "RS256", "Ed25519")
"""A rotation goes on to the next kind, so that each is tried."""


def made(algorithm: str) -> Key:
    """Return a new key for an algorithm, with an id of its own."""
    told: KeyParameters = {"alg": algorithm, "use": "sig", "kid": f"local-{uuid.uuid4().hex[:12]}"}
    if algorithm == "RS256":
        return RSAKey.generate_key(2048, told)
    if algorithm == "ES256":
        return ECKey.generate_key("P-256", told)
    return OKPKey.generate_key("Ed25519", told)


class Signing:
    """Signs with the newest key; older ones stay published until they are withdrawn."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._keys: list[Key] = []
        if file.exists():
            self._keys = [JWKRegistry.import_key(each) for each in json.loads(file.read_text())]
        else:
            self.rotate()

    def rotate(self, *, withdraw: bool = False) -> str:
        """Sign with a new key from now on; withdraw the older ones if asked to. Return its id."""
        algorithm = _KINDS[0]
        if self._keys:
            place = _KINDS.index(str(self._keys[-1].as_dict()["alg"]))
            algorithm = _KINDS[(place + 1) % len(_KINDS)]
        key = made(algorithm)
        self._keys = [key] if withdraw else [*self._keys, key]
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps([each.as_dict(private=True) for each in self._keys]))
        fresh.replace(self._file)
        return str(key.kid)

    def published(self) -> dict[str, Any]:
        """Return the public keys as a JWK set."""
        return {"keys": [each.as_dict(private=False) for each in self._keys]}

    def token(self, issuer: str, audience: str, lifetime: int, told: dict[str, Any]) -> str:
        """Return a signed access token that says this of its bearer, for `lifetime` seconds."""
        key = self._keys[-1]
        now = int(time.time())
        claims = {
            "iss": issuer,
            "aud": audience,
            "iat": now,
            "exp": now + lifetime,
            "jti": uuid.uuid4().hex,
            **told,
        }
        header = {"alg": key.as_dict()["alg"], "kid": key.kid}
        return jwt.encode(header, claims, key, algorithms=list(_KINDS))
