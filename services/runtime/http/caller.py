"""Who makes a request, as far as one caller's idempotency keys are told from another's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from starlette.types import Scope

from contracts.model import EventData
from services.runtime.http.actor import current_actor

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


def current_caller(data: EventData | None = None) -> str:
    """Return for whom an idempotency key of the request that is being answered counts.

    That is whoever the edge vouches for; else the officer whom the request's `data` names as `by`;
    else the address of the connection. Only the first is proven: the others keep apart callers who
    make up their keys alike, and nobody who means to take another's.
    """
    actor = current_actor()
    if actor.authid is not None:
        return f"actor:{actor.authid}"
    by = getattr(data, "by", None)
    return f"by:{by}" if isinstance(by, str) else f"address:{_ADDRESS.get()}"
