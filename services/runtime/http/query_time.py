"""The time that the queries of one request may take in all: then MongoDB itself gives them up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pymongo
from fastapi import Request

from services.runtime.http.openapi import MAX_SECONDS


def counts_for(seconds: float) -> dict[str, Any]:
    """Return the `openapi_extra` of a route whose queries may take that long."""
    return {MAX_SECONDS: seconds}


def in_time(usual: float) -> Callable[[Request], AsyncIterator[None]]:
    """Return the dependency of every route that sets the limit: its own, or else the usual one."""

    async def limit(request: Request) -> AsyncIterator[None]:
        extra = getattr(request.scope.get("route"), "openapi_extra", None) or {}
        with pymongo.timeout(float(extra.get(MAX_SECONDS, usual))):
            yield

    return limit
