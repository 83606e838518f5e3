"""The types of HTTP answers: what the OpenAPI document says of them, and how they become JSON.

A route builds its answer as a typed dictionary and returns it as `Json`. The type is the route's
`response_model`, which documents it. Tests prove that real answers have their type.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated, Any, Literal, NotRequired

from fastapi.responses import JSONResponse
from pydantic import Field, with_config
from typing_extensions import TypedDict

from contracts.events.refusals import RefusalReason

described = with_config(use_attribute_docstrings=True, defer_build=True)
"""Decorator that carries the docstrings of a typed dictionary's fields into the OpenAPI document.

What only the document needs is built when someone asks for it, not at each start.
"""


class Json(JSONResponse):
    """An answer as JSON. Times have an offset. Raises TypeError for what JSON cannot hold."""

    def render(self, content: Any) -> bytes:
        """Return the content as JSON in UTF-8."""
        return json.dumps(
            content, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_text
        ).encode()


def _text(value: Any) -> str:
    if isinstance(value, date):  # a datetime is a date too
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in JSON")


@described
class Fact(TypedDict):
    """The fact that answers a request."""

    type: str
    """The fact's CloudEvents type, e.g. ``vn.motcua.StepCompleted.v1``."""
    id: str


@described
class Answered(TypedDict):
    """A request was carried out."""

    code: str
    """The dossier's code."""
    request: str
    """The request's id."""
    status: Literal["done"]
    fact: Fact


@described
class Pending(TypedDict):
    """A request is on the log, and its answer is still to come."""

    code: str
    """The dossier's code."""
    request: str
    """The request's id."""
    status: Literal["pending"]
    poll: str
    """The address at which to ask for the answer."""


FieldFault = TypedDict(
    "FieldFault",
    {
        "field": Annotated[str, Field(description="The field's name, with dots into objects.")],
        "in": NotRequired[
            Annotated[str, Field(description="`body`, `path`, `query` or `header`.")]
        ],
        "detail": Annotated[str, Field(description="What is wrong with it.")],
    },
)


@described
class ProblemDetails(TypedDict):
    """Why a request failed: an RFC 9457 problem."""

    type: str
    """What kind of problem it is, for programs: ``urn:motcua:problem:`` and a stable name."""
    title: str
    """The phrase of the HTTP status."""
    status: int
    """The HTTP status."""
    detail: str
    """What is wrong and what to do, for people."""
    errors: NotRequired[list[FieldFault]]
    """The fields at fault."""
    fact: NotRequired[Fact]
    """The refusal on the log, where there is one."""
    request: NotRequired[str]
    """The id of the request on the log, where there is one."""
    poll: NotRequired[str]
    """Where to ask for the answer of a request that may still be carried out."""


@described
class Refusal(TypedDict):
    """The dossier's state does not allow it: an RFC 9457 problem with the refusing fact."""

    type: Annotated[
        str, Field(json_schema_extra={"enum": [f"urn:motcua:problem:{r}" for r in RefusalReason]})
    ]
    """The reason, for programs."""
    title: str
    """The phrase of the HTTP status."""
    status: Literal[409]
    """The HTTP status."""
    detail: str
    """The reason, for people."""
    fact: Fact
    """The refusal on the log."""
    request: str
    """The request's id."""


HealthStatus = Literal[
    "idle",
    "busy",
    "waiting for partitions",
    "waiting for the database",
    "waiting for the log",
    "stuck",
]


@described
class Health(TypedDict):
    """The health of an instance."""

    status: HealthStatus
    lag: int
    """The number of records of its partitions that are still to be read."""
    stuck_for: float
    """Seconds without progress while there was something to do."""
    partitions: int
    """The number of partitions it has."""
    clock: Literal["wall", "stream"]
    now: str
    """The time of its clock."""


Answers = dict[int | str, dict[str, Any]]
"""What a route may answer besides its own answer, by status, as FastAPI takes it."""


def failing(why: str) -> dict[str, Any]:
    """Return a problem for a route to declare; `why` says when it is answered."""
    return {"model": ProblemDetails, "description": why}


UNKNOWN: Answers = {404: failing("There is no such dossier.")}
CHANGES: Answers = {
    202: {"model": Pending, "description": "It is on the log; ask at `poll` what became of it."},
    **UNKNOWN,
    409: {"model": Refusal, "description": "The dossier's state does not allow it."},
}
"""What a route that changes a dossier may answer, besides the outcome of the change."""
