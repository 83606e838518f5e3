"""The door of every route: who calls is asked for a token, and whether a row admits them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Protocol

from fastapi import Request

from contracts.wire.actor import NOBODY, Actor
from contracts.wire.claims import Claims
from services.runtime.audit.kinds import AuditKind
from services.runtime.http.noted import note
from services.runtime.http.problem import Problem
from services.runtime.signin.keys import KeysAway
from services.runtime.signin.verifier import BadToken, Caller, ForgedToken, Verifier

SCHEME = "Bearer"
RETRY_SECONDS = 5


class Admission(Protocol):
    """What a table of authority says of a route."""

    @property
    def open(self) -> str:
        """Why nobody has to be signed in; empty if somebody has to be."""
        ...

    @property
    def open_in_trial(self) -> bool:
        """Whether in a trial nobody has to be signed in."""
        ...

    @property
    def needs(self) -> str:
        """What role and relation it takes, in words."""
        ...

    def admits(self, claims: Claims, /) -> bool:
        """Return whether somebody with these claims may ask it of one dossier or another."""
        ...


Doors = Mapping[tuple[str, str], Sequence[Admission]]
"""What the table says of each route of a service, by method and path."""

_ADMITTED = "motcua.admitted"
"""What a request's scope has once its caller was let in."""
_CALLER: ContextVar[Caller | None] = ContextVar("caller", default=None)


def current_caller() -> Caller | None:
    """Return who makes the request that is being answered; None if nobody is signed in."""
    return _CALLER.get()


def current_actor() -> Actor:
    """Return the same as a record's actor; `NOBODY` if nobody is signed in."""
    caller = _CALLER.get()
    return caller.actor if caller is not None else NOBODY


class Door:
    """The dependency that every route of a service has. A route without a row admits nobody."""

    def __init__(self, doors: Doors, verify: Verifier | None, *, trial: bool = False) -> None:
        """`verify` is None where no sign-in is set up: then only what is open is answered."""
        self._doors = doors
        self._verify = verify
        self._trial = trial

    @property
    def closed(self) -> bool:
        """Whether somebody has to sign in at one route or another, and nobody can."""
        return self._verify is None and not all(self.is_open(*route) for route in self._doors)

    def is_open(self, method: str, path: str) -> bool:
        """Return whether nobody has to be signed in at a route."""
        rows = self._doors.get((method, path), ())
        return any(row.open or (self._trial and row.open_in_trial) for row in rows)

    async def __call__(self, request: Request) -> None:
        """Let whoever a row of the route admits be the request's caller; look once at a request.

        Raise Problem 401 for somebody without a good token, 403 for somebody whom no row admits,
        503 while the provider's keys cannot be fetched, or where no sign-in is set up.
        """
        if _ADMITTED in request.scope:
            return
        path: str = request.scope["route"].path
        if self.is_open(request.method, path):
            return
        if self._verify is None:
            raise Problem(
                503,
                "no-sign-in",
                "no sign-in is set up here, so nobody can be let in; set MOTCUA_OIDC_ISSUER",
                headers={"Retry-After": "600"},
            )
        _CALLER.set(caller := await _signed_in(request, self._verify))
        rows = self._doors.get((request.method, path), ())
        if not any(row.admits(caller.claims) for row in rows):
            raise not_permitted("; ".join(row.needs for row in rows))
        request.scope[_ADMITTED] = True


async def _signed_in(request: Request, verify: Verifier) -> Caller:
    told = request.headers.getlist("authorization")
    if not told:
        raise _unauthorized("sign in: send a bearer token of the city's identity provider")
    scheme, _, token = told[0].partition(" ")
    if len(told) > 1 or scheme.lower() != SCHEME.lower() or not token.strip():
        raise _unauthorized(
            "the header Authorization must hold one bearer token", "invalid_request"
        )
    try:
        return await verify(token.strip())
    except BadToken as error:
        forged = isinstance(error, ForgedToken)
        kind = AuditKind.FORGED_TOKEN if forged else AuditKind.SIGN_IN_REFUSED
        raise _unauthorized(f"{error}; sign in again", "invalid_token", kind) from error
    except KeysAway as error:
        raise Problem(
            503,
            "sign-in-unavailable",
            "the city's identity provider does not answer, and the token's key is not known yet; "
            "ask again later",
            headers={"Retry-After": str(RETRY_SECONDS)},
        ) from error


def not_permitted(needs: str) -> Problem:
    """Return the problem of somebody who may not ask this. It says what it takes, never who."""
    note(kind=AuditKind.NOT_PERMITTED)
    return Problem(403, "not-permitted", f"this takes: {needs or 'what nobody has'}")


def _unauthorized(
    detail: str, error: str = "", kind: AuditKind = AuditKind.SIGN_IN_REFUSED
) -> Problem:
    note(kind=kind)
    told = f'{SCHEME} realm="motcua"' + (f', error="{error}"' if error else "")
    return Problem(401, "not-signed-in", detail, headers={"WWW-Authenticate": told})
