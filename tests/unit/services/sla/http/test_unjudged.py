"""A dossier that nobody can judge says so wherever one asks for its due time, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from contracts.values import Locale
from motcua.cli import build
from services.runtime import World
from services.runtime.core.stored import Stored
from services.runtime.http import problem
from services.sla.cli import why
from services.sla.dossier.state import Sla
from services.sla.http.clock_routes import add_clock_routes
from services.sla.http.view import view
from tests.support.documented import Documented
from tests.support.event import CODE
from tests.support.facts import received, routed
from tests.support.http_app import problem_of
from tests.support.rule_sets import WORLD
from tests.support.sla_dossiers import Dossier, told
from tests.support.times import at

WORDS = {Locale.VI: "chưa đủ căn cứ đánh giá", Locale.EN: "is unjudged: nobody knows what"}
JUDGED = CODE[:-1] + "9"
"""Of another dossier, which has its promise."""


def dossier(**changes: Any) -> Dossier:
    return told([(at(4), received(**changes)), (at(4), routed())])


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    kept = {CODE: dossier(promise=None).state, JUDGED: dossier().state}

    async def get(code: str) -> dict[str, Any] | None:
        state: Sla | None = kept.get(code)
        return None if state is None else Stored(code, 0, state).document()

    running: Any = SimpleNamespace(
        dossiers=SimpleNamespace(
            store=SimpleNamespace(get=get), worlds=SimpleNamespace(newest=WORLD)
        ),
        clock=SimpleNamespace(now=lambda: at(6)),
    )
    app = FastAPI()
    problem.install(app)
    add_clock_routes(app, running)
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize("lang", Locale)
@pytest.mark.parametrize("format", ["json", "text", "svg"])
def test_the_clock_of_an_unjudged_dossier_is_a_problem_that_says_why(
    client: TestClient, lang: Locale, format: str
) -> None:
    answer = client.get(f"/dossiers/{CODE}/clock", params={"lang": lang, "format": format})
    body = problem_of(answer, 409, "unjudged")
    assert CODE in body["detail"]
    assert WORDS[lang] in body["detail"]
    assert answer.headers["content-language"] == lang
    Documented("sla").check(answer)


def test_who_has_a_promise_and_who_is_unknown_get_the_answers_of_before(client: TestClient) -> None:
    assert client.get(f"/dossiers/{JUDGED}/clock").status_code == 200
    problem_of(client.get(f"/dossiers/{CODE[:-1]}8/clock"), 404, "unknown-dossier")


def test_the_view_of_a_dossier_says_why_it_is_unjudged() -> None:
    shown = view(CODE, dossier(promise=None).state)
    assert (shown["unjudged"], shown["due"], shown["late"]) == ("no-promise", None, False)
    assert view(CODE, dossier().state)["unjudged"] is None


@pytest.mark.parametrize("lang", Locale)
def test_motcua_why_says_it_too(monkeypatch: pytest.MonkeyPatch, lang: Locale) -> None:
    async def read(_: str, __: str) -> tuple[Sla, World]:
        return dossier(promise=None).state, WORLD

    monkeypatch.setattr(why, "_read", read)
    result = CliRunner(env={"COLUMNS": "80"}).invoke(build(), ["why", CODE, "--lang", lang])
    assert result.exit_code == 1
    assert WORDS[lang] in " ".join(result.output.split())
