"""Holds real HTTP answers against the committed OpenAPI document of the service that gave them."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator, FormatChecker

from motcua.openapi import path_of
from tests.support.paths import ROOT

_PARAMETER = re.compile(r"\\\{[^/}]+\\\}")


class Documented:
    """The answers that a service's document allows. Each that is checked must be one of them."""

    def __init__(self, service: str) -> None:
        text = (ROOT / "services" / path_of(service)).read_text(encoding="utf-8")
        document = json.loads(text)
        self.paths: dict[str, Any] = document["paths"]
        # What is written down most exactly is what the framework matches first, too.
        self._patterns = [
            (re.compile(_PARAMETER.sub("[^/]+", re.escape(path))), path)
            for path in sorted(self.paths, key=lambda path: path.count("{"))
        ]
        self._components = _exact(document["components"])

    def operation(self, method: str, path: str) -> Any:
        """Returns what the document says of a call; None if it knows no such call."""
        for pattern, template in self._patterns:
            if pattern.fullmatch(path) and method.lower() in self.paths[template]:
                return self.paths[template][method.lower()]
        return None

    def check(self, answer: httpx.Response) -> None:
        """Raises AssertionError for an answer that its route does not document.

        What is asked at an address that there is not has no route. For `httpx`'s event hooks.
        """
        request = answer.request
        operation = self.operation(request.method, request.url.path)
        if operation is None:
            return
        what = f"{request.method} {request.url.path}: {answer.status_code}"
        assert str(answer.status_code) in operation["responses"], f"{what} is not documented"
        content = operation["responses"][str(answer.status_code)].get("content", {})
        media_type = answer.headers.get("content-type", "").partition(";")[0]
        if not media_type:
            return  # a redirect, or an answer without a body
        assert media_type in content or "*/*" in content, f"{what} {media_type} is not documented"
        if media_type.endswith("json"):
            schema = {**content[media_type]["schema"], "components": self._components}
            validator = Draft202012Validator(schema, format_checker=FormatChecker())
            faults = [f"{f.json_path}: {f.message}" for f in validator.iter_errors(_body(answer))]
            assert not faults, f"{what} is not as documented: {faults}"


@cache
def documented(service: str) -> Documented:
    """Returns the service's document, read once."""
    return Documented(service)


def _body(answer: httpx.Response) -> Any:
    answer.read()
    return answer.json()


def _exact(node: Any) -> Any:
    """The schemas with nothing allowed that they do not name: so no field is left undocumented."""
    if isinstance(node, list):
        return [_exact(each) for each in node]
    if not isinstance(node, dict):
        return node
    found = {name: _exact(value) for name, value in node.items()}
    if isinstance(found.get("properties"), dict) and found.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found
