"""What can be asked next with what an answer tells: the links of an OpenAPI document.

A link is made wherever an answer, or the address that it was asked at, holds all that stands in
another address. So a new route has its links by its path and its answer's type.
"""

from __future__ import annotations

import re
from typing import Any

Node = dict[str, Any]

_TOLD = {
    "code": ("/code", "/items/0/code"),
    "request": ("/request",),
    "period": ("/items/0/period",),
    "delegation": ("/id", "/delegations/0/id"),
    "procedure": ("/0/code",),
}
"""What stands in an address, and where an answer's body may tell it."""
_OF_DOSSIERS = ("code", "request")
_CATALOGUE = "/procedures"
"""Its answers' codes are those of procedures."""
_KEY = "key"
"""What a citizen shows with the dossier's code."""
_PARAMETER = re.compile(r"\{(\w+)\}")
_JSON = "application/json"


def add_links(document: Node) -> None:
    """Add each answer's links to the document.

    A change of a dossier leads to what is read of it alone: from there all else follows. What takes
    a sign-in and what citizens open by its key do not lead to each other.
    """
    operations = [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    for method, path, operation in operations:
        for status, answer in operation["responses"].items():
            if not status.startswith("2"):
                continue
            links = {
                other["operationId"]: {"operationId": other["operationId"], "parameters": told}
                for to, where, other in operations
                if other is not operation
                and (method == "get" or to == "get" or "{code}" not in where)
                and bool(other["security"]) == bool(operation["security"])
                and (told := _told(document, path, operation, answer, where, other))
            }
            if links:
                answer["links"] = links


def _told(
    document: Node, path: str, operation: Node, answer: Node, where: str, other: Node
) -> dict[str, str] | None:
    """Return with what the other address can be asked after that answer: runtime expressions of
    OpenAPI, by the parameter's name. None if it cannot be asked."""
    body = answer.get("content", {}).get(_JSON, {}).get("schema", {})
    further = where.startswith(path)  # the same address, and more
    found: dict[str, str] = {}
    for name in _PARAMETER.findall(where):
        pointer = _pointer(document, path, body, name)
        if pointer is not None:
            found[name] = f"$response.body#{pointer}"
        elif further and f"{{{name}}}" in path:
            found[name] = f"$request.path.{name}"
        else:
            return None
    if found and _takes(operation, _KEY) and _takes(other, _KEY):
        found[_KEY] = f"$request.query.{_KEY}"
    return found


def _takes(operation: Node, name: str) -> bool:
    return any(each["name"] == name for each in operation.get("parameters", ()))


def _pointer(document: Node, path: str, schema: Node, name: str) -> str | None:
    """Return where the body tells what is called so in an address; None if it does not."""
    if name in _OF_DOSSIERS and path.startswith(_CATALOGUE):
        return None
    told = (p for p in _TOLD.get(name, ()) if _has(document, schema, p.split("/")[1:]))
    return next(told, None)


def _has(document: Node, schema: Node, steps: list[str]) -> bool:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if not steps:
        return True
    step, *rest = steps
    if step == "0":
        return "items" in schema and _has(document, schema["items"], rest)
    return step in schema.get("properties", {}) and _has(document, schema["properties"][step], rest)
