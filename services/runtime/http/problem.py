"""HTTP errors as RFC 9457 problem details, each with the field at fault and the remedy."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pymongo.errors import PyMongoError
from starlette.exceptions import HTTPException

from services.runtime.http.noted import note
from services.runtime.transient import is_transient

log = structlog.get_logger("motcua.http")

MEDIA_TYPE = "application/problem+json"
_MOST_FAULTS = 50
"""The most fields at fault that an answer names: a small body can have thousands."""


class Problem(HTTPException):
    """A fault of a request. `kind` is stable, for programs; `detail` is for people.

    An HTTPException, for what is raised while a body is read: the framework makes 400 of any other.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        errors: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(status, detail, headers)
        self.kind = kind
        self.errors = errors
        self.members = members

    def response(self) -> JSONResponse:
        """Return the problem as an HTTP response."""
        body: dict[str, Any] = {
            "type": f"urn:motcua:problem:{self.kind}",
            "title": HTTPStatus(self.status_code).phrase,
            "status": self.status_code,
            "detail": self.detail,
            **self.members,
        }
        if self.errors:
            body["errors"] = self.errors
        return JSONResponse(body, self.status_code, self.headers, MEDIA_TYPE)


def unavailable() -> Problem:
    """Return the problem of a database that cannot be reached: nothing changed; ask again later."""
    return Problem(
        503,
        "state-unavailable",
        "the database cannot be reached; ask again later",
        headers={"Retry-After": "5"},
    )


def invalid_field(field: str, detail: str) -> Problem:
    """Return the problem of a field that is well formed but has an impossible value."""
    return Problem(
        422, "invalid-field", f"{field}: {detail}", errors=[{"field": field, "detail": detail}]
    )


def install(app: FastAPI) -> None:
    """Make every error of the app a problem."""

    async def problem(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        note(reason=error.kind)
        return error.response()

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        faults = error.errors()
        if any(fault["type"] == "json_invalid" for fault in faults):
            where = faults[0]["ctx"].get("error", "") if faults[0].get("ctx") else ""
            at = faults[0]["loc"][-1]
            return Problem(
                400, "bad-json", f"the body is not JSON: {where} at character {at}"
            ).response()
        errors = [
            {
                # `in` says which part of the request; the field has the name that it has there.
                "field": ".".join(str(part) for part in fault["loc"][1:]) or "body",
                "in": str(fault["loc"][0]),
                "detail": fault["msg"],
            }
            for fault in faults[:_MOST_FAULTS]
        ]
        fields = ", ".join(e["field"] for e in errors)
        return Problem(
            422, "invalid-field", f"not as it should be: {fields}", errors=errors
        ).response()

    async def plain(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        return Problem(
            error.status_code, kind, str(error.detail), headers=dict(error.headers or {})
        ).response()

    async def away(_: Request, error: Exception) -> JSONResponse:
        if not is_transient(error):
            raise error  # a wrong query is our own defect: 500, with its traceback in the log
        log.warning("the database did not answer", error=repr(error))
        return unavailable().response()

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(PyMongoError, away)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, plain)
