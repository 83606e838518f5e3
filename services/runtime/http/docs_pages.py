"""The OpenAPI document and its page, for those who may see them; nothing comes from elsewhere."""

from __future__ import annotations

from importlib.resources import files

from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html

from services.runtime.http.answers import Json
from services.runtime.http.audited import unaudited
from services.runtime.http.problem import Problem
from services.runtime.settings import Settings

DOCUMENT = "/openapi.json"
PAGE = "/docs"
_FILES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
"""What the page needs, as the package fastapi-offline has it."""


def may_see_docs(request: Request, settings: Settings) -> bool:
    """Return whether the caller may see the pages for operators.

    A browser that opens them has no token, so a setting decides for every caller.
    """
    return settings.trial or settings.docs_pages


def add_docs_pages(app: FastAPI, settings: Settings) -> None:
    """Add the document, its page and the page's files; whoever may not see them finds nothing."""

    def check(request: Request) -> None:
        if not may_see_docs(request, settings):
            raise Problem(404, "not-found", "there is nothing at this address")

    for_all = unaudited("it is the same for everyone")

    @app.get(DOCUMENT, include_in_schema=False, openapi_extra=for_all)
    async def read_document(request: Request) -> Response:
        check(request)
        return Json(app.openapi())

    @app.get(PAGE, include_in_schema=False, openapi_extra=for_all)
    async def show_page(request: Request) -> Response:
        check(request)
        return get_swagger_ui_html(
            openapi_url=DOCUMENT,
            title=app.title,
            swagger_js_url=f"{PAGE}/swagger-ui-bundle.js",
            swagger_css_url=f"{PAGE}/swagger-ui.css",
            swagger_favicon_url=f"{PAGE}/favicon.png",
            # Otherwise the page would send the document's address to a validator on the internet.
            swagger_ui_parameters={"validatorUrl": None},
        )

    @app.get(PAGE + "/{name}", include_in_schema=False, openapi_extra=for_all)
    async def read_file(request: Request, name: str) -> Response:
        check(request)
        if (kind := _FILES.get(name)) is None:
            raise Problem(404, "unknown-file", f"there is no {name}")
        content = files("fastapi_offline").joinpath("static", name).read_bytes()
        return Response(content, media_type=kind)
