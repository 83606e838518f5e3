"""The OpenAPI document and its page; nothing comes from elsewhere."""

from __future__ import annotations

from importlib.resources import files

from fastapi import FastAPI, Response
from fastapi.openapi.docs import get_swagger_ui_html

from services.runtime.http.answers import Json
from services.runtime.http.problem import Problem

DOCUMENT = "/openapi.json"
PAGE = "/docs"
_FILES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
"""What the page needs, as the package fastapi-offline has it."""


def add_docs_pages(app: FastAPI) -> None:
    """Add the document, its page and the page's files. Who may see them, the door says."""

    @app.get(DOCUMENT, include_in_schema=False)
    async def read_document() -> Response:
        return Json(app.openapi())

    @app.get(PAGE, include_in_schema=False)
    async def show_page() -> Response:
        return get_swagger_ui_html(
            openapi_url=DOCUMENT,
            title=app.title,
            swagger_js_url=f"{PAGE}/swagger-ui-bundle.js",
            swagger_css_url=f"{PAGE}/swagger-ui.css",
            swagger_favicon_url=f"{PAGE}/favicon.png",
            # Otherwise the page would send the document's address to a validator on the internet.
            swagger_ui_parameters={"validatorUrl": None},
        )

    @app.get(PAGE + "/{name}", include_in_schema=False)
    async def read_file(name: str) -> Response:
        if (kind := _FILES.get(name)) is None:
            raise Problem(404, "unknown-file", f"there is no {name}")
        content = files("fastapi_offline").joinpath("static", name).read_bytes()
        return Response(content, media_type=kind)
