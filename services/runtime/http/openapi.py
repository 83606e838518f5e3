"""The OpenAPI document of a service: its routes, what leads from one to another, and the problems
that any route may meet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from services.runtime.http.answers import ProblemDetails, Refusal
from services.runtime.http.links import add_links
from services.runtime.http.problem import MEDIA_TYPE

Node = dict[str, Any]

OPERATION = ("/health/", "/metrics")
"""The paths for operators: they answer however busy the service is."""

SCHEME = "city"
_SCHEMES = {
    SCHEME: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token of the city's OIDC provider.",
    }
}
_SIGNED_IN = {
    "401": "Nobody is signed in, or the token is not good: sign in.",
    "403": "Whoever is signed in may not ask this; the detail says what role it takes.",
}
_ANYWHERE = {"503": "The service is too busy, or cannot reach database or log; ask again later."}
_WITH_PARAMETERS = {"422": "A parameter or a field is not as it should be."}
_WITH_A_BODY = {
    "400": "The body is not JSON in UTF-8.",
    "408": "The body did not come in time.",
}
MAX_BODY = "x-max-body"
"""What an operation says of the most bytes that its body may have."""
MAX_SECONDS = "x-max-query-seconds"
"""What an operation says of the time that its queries may take in all."""
_SCHEMAS = "#/components/schemas/"
_PROBLEM = {"schema": {"$ref": _SCHEMAS + ProblemDetails.__name__}}
_PROBLEMS = (_PROBLEM, {"schema": {"$ref": _SCHEMAS + Refusal.__name__}})
_FRAMEWORK_S = ("HTTPValidationError", "ValidationError")
"""The framework's own errors, which this system answers as problems."""


class App(FastAPI):
    """An app whose OpenAPI document has every problem that a route may answer with."""

    max_body = 0
    """The most bytes of a body, where a route does not say another number."""
    _completed: Node | None = None

    def __init__(self, is_open: Callable[[str, str], bool], **told: Any) -> None:
        """`is_open` says of a method and a path whether nobody has to be signed in there."""
        super().__init__(**told)
        self._is_open = is_open

    def openapi(self) -> Node:
        """Return the document; build it again only after a route was added."""
        made: Node = super().openapi()
        if made is not self._completed:
            made.setdefault("components", {})["securitySchemes"] = _SCHEMES
            for path, operations in made["paths"].items():
                for method, operation in operations.items():
                    _complete(
                        path,
                        operation,
                        self.max_body,
                        is_open=self._is_open(method.upper(), path),
                    )
            add_links(made)
            for name in _FRAMEWORK_S:
                made.get("components", {}).get("schemas", {}).pop(name, None)
            self._completed = made
        return made


def _complete(path: str, operation: Node, max_body: int, *, is_open: bool) -> None:
    answers: Node = operation["responses"]
    for answer in answers.values():
        content = answer.get("content", {})
        if content.get("application/json") in _PROBLEMS:
            content[MEDIA_TYPE] = content.pop("application/json")
        elif content.get("application/json", {}).get("schema", {}).get("$ref") == (
            _SCHEMAS + _FRAMEWORK_S[0]
        ):
            content.clear()
    whys = {} if path.startswith(OPERATION) else dict(_ANYWHERE)
    operation["security"] = [] if is_open else [{SCHEME: []}]
    if not is_open:
        whys |= _SIGNED_IN
    if "parameters" in operation or "requestBody" in operation:
        whys |= _WITH_PARAMETERS
    if "requestBody" in operation:
        most = operation.setdefault(MAX_BODY, max_body)
        whys |= {**_WITH_A_BODY, "413": f"The body has more than {most} bytes."}
    for status, why in whys.items():
        answer = answers.setdefault(status, {})
        answer["description"] = why
        answer.setdefault("content", {})[MEDIA_TYPE] = _PROBLEM
    operation["responses"] = dict(sorted(answers.items()))
