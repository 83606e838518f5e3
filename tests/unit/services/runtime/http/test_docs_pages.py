"""The OpenAPI pages: for operators, and made of the service's own files."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from services.runtime.http.app import make_app
from services.runtime.http.docs_pages import add_docs_pages
from services.runtime.http.door import Door
from services.runtime.settings import Settings
from services.runtime.signin.verifier import Verifier
from services.shared.authority.table import doors_of
from tests.support.http_app import Instance, problem_of, reachable
from tests.support.provider_keys import ProviderKeys

FILES = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png")
PATHS = ("/openapi.json", "/docs", *(f"/docs/{name}" for name in FILES))


DOORS = doors_of("intake")


def client_of(*, trial: bool, verify: Verifier | None = None) -> TestClient:
    door = Door(DOORS, verify, trial=trial)
    app = make_app("purse", "What is in it?", Settings(), Instance(), reachable, door)
    add_docs_pages(app)
    return TestClient(app)


@pytest.mark.parametrize("path", PATHS)
def test_they_are_for_operators(path: str) -> None:
    provider = ProviderKeys()
    client = client_of(trial=False, verify=provider.verifier())
    problem_of(client.get(path), 401, "not-signed-in")
    for role, status in (("operator", 200), ("auditor", 403), ("head", 403)):
        bearer = {"Authorization": f"Bearer {provider.token(motcua_roles=[role])}"}
        assert client.get(path, headers=bearer).status_code == status, role


def test_there_is_no_other_page() -> None:
    problem_of(client_of(trial=True).get("/redoc"), 404, "not-found")


def test_in_a_trial_they_are_for_everybody() -> None:
    client = client_of(trial=True)
    for path in PATHS:
        assert client.get(path).status_code == 200
    document = client.get("/openapi.json").json()
    assert document["info"]["title"] == "motcua purse"
    assert set(document["paths"]) == {"/metrics", "/health/live", "/health/ready"}


def test_the_page_loads_nothing_from_elsewhere() -> None:
    client = client_of(trial=True)
    page = client.get("/docs").text
    loaded = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert sorted(loaded) == sorted(f"/docs/{name}" for name in FILES)
    assert re.findall(r"url: '([^']*)'", page) == ["/openapi.json"]
    assert '"validatorUrl": null' in page
    assert not re.search(r"https?://", page)
    style = client.get("/docs/swagger-ui.css").text
    assert not re.search(r"@import|url\(['\"]?(?:https?:)?//", style)


def test_no_other_file_is_served() -> None:
    client = client_of(trial=True)
    for name in ("redoc.standalone.js", "..%2f__init__.py", "core.py"):
        assert client.get(f"/docs/{name}").status_code == 404
