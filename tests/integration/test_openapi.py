"""Every service serves its committed document, and every route answers as that says.

`Office` holds each answer against the document; here each route is asked at least once.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from contracts.tooling.json_schemas import FOLDER
from contracts.wire.topics import SERVICES
from deploy.local.stack.city import PROCESSES
from services.shared.lookup_key import lookup_key
from tests.support.documented import documented
from tests.support.office import MARITAL_STATUS, WARD_PLACE, WARD_UNIT, Office, filing

pytestmark = pytest.mark.integration

SAMPLES = FOLDER.parent / "samples"
QUERY = {
    "/balance": {"since": "2024-03-01T00:00:00Z", "until": "2024-04-01T00:00:00Z"},
    "/authority": {"unit": WARD_UNIT},
    "/competence": {"procedure": MARITAL_STATUS, "place": WARD_PLACE},
    "/figures": {"period": "2024-03"},
    "/figures/dossiers": {"period": "2024-03", "measure": "received"},
    "/backlog/dossiers": {"measure": "open"},
    "/snapshots/{period}/dossiers": {"measure": "received"},
    "/snapshots/{period}/changes/dossiers": {"measure": "received"},
}
"""What a route has to be asked with."""


def _reads() -> list[Any]:
    return [
        pytest.param(service, path, id=f"{service} {path}")
        for service in PROCESSES
        for path, operations in documented(service).paths.items()
        # An open page's events have no end; the tests of the status page follow them.
        if "get" in operations and not path.endswith("/events")
    ]


def _changes() -> list[Any]:
    """Each route that a request of the contracts is sent to, with the contracts' own sample."""
    found = []
    for service in PROCESSES:
        for path, operations in documented(service).paths.items():
            content = operations.get("post", {}).get("requestBody", {}).get("content", {})
            reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
            sample = SAMPLES / f"{reference.rpartition('/')[2]}.v1.json"
            if sample.is_file():
                data = json.loads(sample.read_text(encoding="utf-8"))["data"]
                found.append(pytest.param(service, path, data, id=f"{service} {path}"))
    assert len(found) == 18
    return found


@pytest.fixture(scope="module")
def place(office: Office) -> dict[str, str]:
    """What stands in the addresses: a dossier that all services know, and a request about it."""
    answer = office.post("intake", "/dossiers", {"filing": filing()})
    code: str = answer.json()["code"]
    office.agrees(code, "in_process")
    return {
        "code": code,
        "request": answer.json()["request"],
        "procedure": MARITAL_STATUS,
        "period": "2024-03",
        "name": "page.css",
    }


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_serves_its_committed_document(office: Office, service: str) -> None:
    served = office.get(service, "/openapi.json").json()
    assert served["paths"] == documented(service).paths


@pytest.mark.parametrize(("service", "path"), _reads())
def test_what_is_read_is_as_documented(
    office: Office, place: dict[str, str], service: str, path: str
) -> None:
    params = dict(QUERY.get(path, {}))
    if path.startswith(("/status/", "/receipt/", "/letter/")):
        params["key"] = lookup_key("tests", place["code"])
    answer = office.get(service, path.format(**place), **params)
    elsewhere = path.endswith("/requests/{request}") and service != "intake"
    none_yet = path.startswith(("/snapshots/", "/letter/"))
    assert answer.status_code == (404 if elsewhere or none_yet else 200)


@pytest.mark.parametrize(("service", "path", "data"), _changes())
def test_what_changes_a_dossier_is_done_or_refused_as_documented(
    office: Office, place: dict[str, str], service: str, path: str, data: Any
) -> None:
    answer = office.post(service, path.format(**place), data)
    # Some ask what only a head may.
    assert answer.status_code in (200, 403, 409)
