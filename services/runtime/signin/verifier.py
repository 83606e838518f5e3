"""Verifies a bearer token: signature, issuer, audience, times, and what it says of its bearer."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgspec
from joserfc import jws, jwt
from joserfc.errors import ClaimError, JoseError

from contracts.wire.actor import Actor
from contracts.wire.claims import Claims, Role, claims
from services.runtime.signin.keys import Keys

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "Ed25519")
"""The signatures that are believed, besides EdDSA by its older name: never `none`, and none that
is made with a secret which the verifier would have to share."""
_LARGEST = 16_384
"""Characters of a token; a larger one is not looked into."""
_KEPT = 4096
"""How many verified tokens an instance remembers."""
_WHO = re.compile(r"[!-~]{1,64}")
_UNIT = re.compile(r"[A-Z][A-Z0-9]*(\.[A-Z0-9]+)*")
_NOT_ACCESS = frozenset({"ID", "Refresh", "Offline", "Logout"})
"""What Keycloak calls its other tokens, in the claim `typ`."""


class BadToken(Exception):
    """The token vouches for nobody. The text says why, without repeating what it says."""


class ForgedToken(BadToken):
    """The provider has not signed it: somebody has made it, or changed it since."""


class Caller(msgspec.Struct, frozen=True):
    """Who calls, as the provider vouches for it."""

    actor: Actor
    claims: Claims


class Verifier:
    """Verifies tokens of one issuer for one audience, by the machine's own time."""

    def __init__(
        self,
        issuer: str,
        audience: str,
        skew: float,
        keys: Keys | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys or Keys(issuer)
        self._skew = skew
        self._now = now
        self._kept: OrderedDict[str, tuple[Caller, float]] = OrderedDict()
        self._generation = 0
        self._signatures = jws.JWSRegistry(
            algorithms=[*ALGORITHMS, "EdDSA"], strict_check_header=False
        )
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: int(now()),
            leeway=int(skew),
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    async def __call__(self, token: str) -> Caller:
        """Return who bears the token. Raise BadToken, or KeysAway if nobody can tell now."""
        self._keys.refresh()
        self._forget_what_other_keys_signed()
        if (kept := self._kept.get(token)) is not None:
            caller, until = kept
            if self._now() < until:
                self._kept.move_to_end(token)
                return caller
            del self._kept[token]
            raise BadToken("the token has expired")
        caller, until = await self._verified(token)
        self._forget_what_other_keys_signed()
        self._kept[token] = caller, until
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return caller

    def _forget_what_other_keys_signed(self) -> None:
        if self._generation != self._keys.generation:
            self._kept.clear()
            self._generation = self._keys.generation

    async def _verified(self, token: str) -> tuple[Caller, float]:
        if len(token) > _LARGEST or not token.isascii():
            raise BadToken("it is no token")
        try:
            kid = (
                jws.extract_compact(token.encode(), registry=self._signatures).headers().get("kid")
            )
        except (JoseError, ValueError) as error:
            raise BadToken("it is no signed token") from error
        if not isinstance(kid, str):
            raise ForgedToken("the token does not name its key")
        key = await self._keys.key(kid)
        if key is None:
            raise ForgedToken("the token is signed by a key that the provider does not have")
        try:
            told = jwt.decode(token, key, registry=self._signatures).claims
            self._claims.validate(told)
        except ClaimError as error:
            raise BadToken(f"the claim {error.claim} is missing or not as it must be") from error
        except (JoseError, ValueError, TypeError) as error:
            raise ForgedToken("the signature is not the provider's") from error
        if told.get("typ") in _NOT_ACCESS:
            raise BadToken("it is not an access token")
        return caller_of(told), float(told["exp"]) + self._skew


def caller_of(told: dict[str, Any]) -> Caller:
    """Return who bears a token with these claims. Raise BadToken if they say too little.

    `motcua_officer` is a person's staff number; a machine is known by its client (`azp` or
    `client_id`). Roles that are not the city's are another application's, and left out.
    """
    named = _texts(told, "motcua_roles")
    held = claims(
        (role for role in Role if role in named),
        unit=_matching(told, "motcua_unit", _UNIT, ""),
        requests=_texts(told, "motcua_requests"),
    )
    if Role.MACHINE in held.roles:
        if len(held.roles) > 1:
            raise BadToken("a machine has no other role")
        client = next((name for name in ("azp", "client_id") if name in told), "sub")
        who = _matching(told, client, _WHO)
    else:
        who = _matching(told, "motcua_officer", _WHO)
    return Caller(held.vouch_for(who), held)


def _texts(told: dict[str, Any], name: str) -> frozenset[str]:
    found = told.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise BadToken(f"the claim {name} is no list of texts")
    return frozenset(found)


def _matching(
    told: dict[str, Any], name: str, pattern: re.Pattern[str], default: str | None = None
) -> str:
    found = told.get(name, default)
    if default is not None and found == default:
        return default
    if not isinstance(found, str) or not pattern.fullmatch(found):
        raise BadToken(f"the claim {name} is missing or not as it must be")
    return found
