"""The OpenAPI pages: shown to those who may see them, and made of the service's own files."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from services.runtime.http.app import make_app
from services.runtime.settings import Settings
from tests.support.http_app import ANYBODY, Instance, problem_of, reachable

FILES = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png")
PATHS = ("/openapi.json", "/docs", *(f"/docs/{name}" for name in FILES))


@pytest.fixture(autouse=True)
def no_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOTCUA_TRIAL")


def client_of(**told: bool) -> TestClient:
    settings = Settings.model_validate(told)
    return TestClient(make_app("purse", "What is in it?", settings, Instance(), reachable, ANYBODY))


@pytest.mark.parametrize("path", [*PATHS, "/redoc"])
def test_whoever_may_not_see_them_finds_nothing(path: str) -> None:
    problem_of(client_of().get(path), 404, "not-found")


@pytest.mark.parametrize("told", ["trial", "docs_pages"])
def test_in_a_trial_and_by_a_setting_they_are_shown(told: str) -> None:
    client = client_of(**{told: True})
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
