"""What people are told at an address where there is no page.

Programs get a problem document, as everywhere, which means nothing to a citizen. So only requests
that ask for HTML get this page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.notify.page.http.accept import is_browser
from services.notify.page.http.html import Html

_LOST = frozenset({404, 405})
"""No such address; or the address only takes a form, and was loaded by itself."""


def add_not_found_page(app: FastAPI, html: Html) -> None:
    """Give browsers a page with a way back. All others are answered as before."""
    before = cast(
        "Callable[[Request, Exception], Awaitable[Response]]",
        app.exception_handlers[HTTPException],
    )

    async def told(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code in _LOST and is_browser(request.headers.get("accept", "")):
            return html.lost(error.status_code)
        return await before(request, error)

    app.add_exception_handler(HTTPException, told)
