"""Who makes a request, as far as one caller's idempotency keys are told from another's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from starlette.types import Scope

from services.runtime.http.door import current_actor

_ADDRESS: ContextVar[str] = ContextVar("address", default="")


@contextmanager
def called_from(scope: Scope) -> Iterator[None]:
    """Have the request count as that of its connection's address."""
    client = scope.get("client")
    token = _ADDRESS.set(client[0] if client else "")
    try:
        yield
    finally:
        _ADDRESS.reset(token)


def key_owner() -> str:
    """Return for whom an idempotency key of the request that is being answered counts.

    That is whoever is signed in; else the address of the connection. The address keeps apart
    citizens who make up their keys alike, and nobody who means to take another's.
    """
    actor = current_actor()
    return f"actor:{actor.authid}" if actor.authid is not None else f"address:{_ADDRESS.get()}"
