"""Who makes the HTTP request that is being answered, as far as the edge vouches for it."""

from __future__ import annotations

from contextvars import ContextVar

from starlette.types import ASGIApp, Receive, Scope, Send

from contracts.wire.actor import NOBODY, Actor, AuthType
from services.runtime.http.problem import Problem

_LONGEST = 200
_ACTOR: ContextVar[Actor] = ContextVar("actor", default=NOBODY)


def current_actor() -> Actor:
    """Return who makes the request that is being answered; `NOBODY` outside of requests."""
    return _ACTOR.get()


class Vouched:
    """Reads the header in which a trusted proxy names who is signed in.

    Answers 400 if the header says something that is no identifier: the proxy is set up wrongly, and
    what it vouches for would stand on the log for ever.
    """

    def __init__(self, app: ASGIApp, *, header: str) -> None:
        self._app = app
        self._header = header.lower().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told = [value for name, value in scope["headers"] if name == self._header]
        try:
            actor = self._actor(told)
        except Problem as error:
            await error.response()(scope, receive, send)
            return
        token = _ACTOR.set(actor)
        try:
            await self._app(scope, receive, send)
        finally:
            _ACTOR.reset(token)

    def _actor(self, told: list[bytes]) -> Actor:
        if not told:
            return NOBODY
        text = told[0].decode("latin-1").strip()
        if len(told) > 1 or not 0 < len(text) <= _LONGEST or not (text.isascii() and _plain(text)):
            name = self._header.decode()
            raise Problem(
                400,
                "bad-actor",
                f"the header {name} must name one person, in 1 to {_LONGEST} visible characters of "
                "ASCII; the proxy before the service sets it",
                errors=[{"field": name, "in": "header", "detail": "no identifier"}],
            )
        return Actor(AuthType.APP_USER, text)


def _plain(text: str) -> bool:
    return text.isprintable() and " " not in text
