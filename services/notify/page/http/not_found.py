"""What people are told who come to an address where there is no page.

Programs are answered with a problem there, as everywhere; to a citizen that is a line of code. So
this is for who asks for HTML, and for nobody else.
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
"""There is no such address; or a form goes there, and somebody loads it by itself."""


def add_not_found_page(app: FastAPI, html: Html) -> None:
    """Gives a browser a page with a way back. All others are answered as they were before."""
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
