"""The committed OpenAPI documents are in step with the routes, and say all that a route answers."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from contracts.tooling import asyncapi
from contracts.wire.topics import PAGE
from deploy.local.stack.city import PROCESSES
from motcua import openapi
from services.runtime.http.problem import MEDIA_TYPE

DOCUMENTS: dict[str, dict[str, Any]] = {
    name: json.loads((openapi.ROOT / openapi.path_of(name)).read_text(encoding="utf-8"))
    for name in PROCESSES
}
OPERATIONS = [
    (name, path, operation)
    for name, document in DOCUMENTS.items()
    for path, operations in document["paths"].items()
    for operation in operations.values()
]


def _id(value: Any) -> str:
    return value["operationId"] if isinstance(value, dict) else str(value)


def test_the_committed_documents_are_in_step() -> None:
    assert openapi.drift() == {}


def test_writing_writes_only_what_differs(tmp_path: Path) -> None:
    for name in PROCESSES:
        (tmp_path / openapi.path_of(name)).parent.mkdir(parents=True)
    assert openapi.write(tmp_path) == [openapi.path_of(name) for name in PROCESSES]
    (tmp_path / "sla" / "openapi.json").write_text("{}")
    assert openapi.write(tmp_path) == ["sla/openapi.json"]
    assert openapi.drift(tmp_path) == {}


def test_the_check_names_each_document_and_the_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert openapi.main(["--check"]) == 0
    monkeypatch.setattr(openapi, "files", lambda: {"sla/openapi.json": "{}\n"})
    assert openapi.main(["--check"]) == 1
    assert capsys.readouterr() == (
        "",
        "services/sla/openapi.json: out of step with its routes: run `make contracts` and commit "
        "what it writes\n",
    )


def test_package_and_documents_have_one_version() -> None:
    numbers = {document["info"]["version"] for document in DOCUMENTS.values()}
    assert {*numbers, asyncapi.document()["info"]["version"]} == {version("motcua")}


@pytest.mark.parametrize(("service", "path", "operation"), OPERATIONS, ids=_id)
def test_every_answer_is_typed(service: str, path: str, operation: dict[str, Any]) -> None:
    for status, answer in operation["responses"].items():
        for media_type, content in answer.get("content", {}).items():
            schema = content["schema"]
            if media_type.endswith("json"):
                assert _named(schema) in DOCUMENTS[service]["components"]["schemas"]
            else:
                assert schema["type"] == "string"
            if media_type == MEDIA_TYPE:
                assert int(status) >= 400
                assert _named(schema) in ("ProblemDetails", "Refusal")
    if not path.startswith(("/health/", "/metrics")):
        assert MEDIA_TYPE in operation["responses"]["503"]["content"]


CHANGES = [
    (name, path, operation)
    for name, path, operation in OPERATIONS
    if path.startswith("/dossiers")
    and any(p["name"] == "Idempotency-Key" for p in operation.get("parameters", ()))
]


@pytest.mark.parametrize(("service", "path", "operation"), CHANGES, ids=_id)
def test_what_changes_a_dossier_may_be_pending_or_refused(
    service: str, path: str, operation: dict[str, Any]
) -> None:
    answers = operation["responses"]
    done = answers["201" if path == "/dossiers" else "200"]
    assert _named(done["content"]["application/json"]["schema"]) == "ChangedDossier"
    assert _named(answers["202"]["content"]["application/json"]["schema"]) == "Pending"
    assert _named(answers["409"]["content"][MEDIA_TYPE]["schema"]) == "Refusal"


@pytest.mark.parametrize("service", PROCESSES)
def test_a_link_leads_to_an_address_of_which_all_is_told(service: str) -> None:
    paths = DOCUMENTS[service]["paths"]
    targets = {
        operation["operationId"]: (path, operation)
        for path, operations in paths.items()
        for operation in operations.values()
    }
    for _, path, operation in (each for each in OPERATIONS if each[0] == service):
        for answer in operation["responses"].values():
            for link in answer.get("links", {}).values():
                where, target = targets[link["operationId"]]
                named = set(re.findall(r"{(\w+)}", where))
                assert named <= set(link["parameters"]) <= named | {"key"}
                assert bool(target["security"]) == bool(operation["security"]), (path, where)


@pytest.mark.parametrize(
    ("service", "source", "status", "target", "told"),
    [
        ("intake", "post /dossiers", "201", "/dossiers/{code}", {"code": "$response.body#/code"}),
        (
            "intake",
            "post /dossiers",
            "202",
            "/dossiers/{code}/requests/{request}",
            {"code": "$response.body#/code", "request": "$response.body#/request"},
        ),
        (
            "intake",
            "get /procedures",
            "200",
            "/procedures/{procedure}",
            {"procedure": "$response.body#/0/code"},
        ),
        (
            "routing",
            "post /authority/delegations",
            "201",
            "/authority/delegations/{delegation}/revocation",
            {"delegation": "$response.body#/id"},
        ),
        (
            "sla",
            "get /snapshots",
            "200",
            "/snapshots/{period}/changes",
            {"period": "$response.body#/items/0/period"},
        ),
        (
            "sla",
            "get /snapshots/{period}/changes",
            "200",
            "/snapshots/{period}/changes/dossiers",
            {"period": "$request.path.period"},
        ),
        (
            "sla",
            "get /snapshots/{period}/changes/dossiers",
            "200",
            "/dossiers/{code}/clock",
            {"code": "$response.body#/items/0/code"},
        ),
        (
            PAGE,
            "get /status/{code}.json",
            "200",
            "/letter/{code}",
            {"code": "$response.body#/code", "key": "$request.query.key"},
        ),
    ],
)
def test_an_answer_leads_on(
    service: str, source: str, status: str, target: str, told: dict[str, str]
) -> None:
    method, _, path = source.partition(" ")
    paths = DOCUMENTS[service]["paths"]
    ids = {each["operationId"] for each in paths[target].values()}
    links = paths[path][method]["responses"][status]["links"].values()
    assert [each["parameters"] for each in links if each["operationId"] in ids] == [told]


def test_a_procedures_code_leads_to_no_dossier() -> None:
    operation = DOCUMENTS["intake"]["paths"]["/procedures/{procedure}"]["get"]
    assert "links" not in operation["responses"]["200"]


@pytest.mark.parametrize("service", PROCESSES)
def test_a_document_has_no_loose_end(service: str) -> None:
    document = DOCUMENTS[service]
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    assert set(_references(document)) == {f"#/components/schemas/{name}" for name in schemas}


def _named(schema: dict[str, Any]) -> str:
    reference: str = schema.get("items", schema)["$ref"]
    return reference.removeprefix("#/components/schemas/")


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [r for value in node.values() for r in _references(value)]
    if isinstance(node, list):
        return [r for value in node for r in _references(value)]
    return []


def test_every_route_is_audited_but_these() -> None:
    """A new route is told in the audit, unless a line is added here on purpose."""
    gate = "whatever opens a dossier here is told by the gate"
    found = {
        f"{name} {method.upper()} {path}": operation["x-unaudited"]
        for name, document in DOCUMENTS.items()
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if "x-unaudited" in operation
    }
    assert found == {
        "intake GET /procedures": "the catalogue is published",
        "intake GET /procedures/{procedure}": "the catalogue is published",
        "routing GET /competence": "competence is published",
        "page GET /": "it shows nothing of anybody",
        "page GET /page/{name}": "it is the same for everyone",
        "page POST /": gate,
        "page GET /status/{code}": gate,
        "page GET /status/{code}.json": gate,
        "page GET /status/{code}/events": gate,
        "page GET /receipt/{code}": gate,
        "page GET /letter/{code}": gate,
        "page POST /status/{code}/preferences": gate,
        "page POST /status/{code}/rating": gate,
    }
