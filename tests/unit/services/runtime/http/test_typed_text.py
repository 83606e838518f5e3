"""What is typed in is read before it is asked for, however deep in a request it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

import services
from contracts.events import intake
from contracts.model import Kind, registered
from services.intake.api import NewDossier
from services.runtime.http import problem
from services.runtime.http.typed_text import Typed

DEMAND = {"documents": ["Ảnh 4x6"], "reason": "Thiếu ảnh"}
FILING = {
    "procedure": "1.004194",
    "channel": "counter",
    "receiving_unit": "H29.15",
    "returning_unit": "H29.15",
    "place": "26740",
    "citizen": "cd-1",
}


@pytest.fixture(scope="module")
def client() -> TestClient:
    app = FastAPI()
    problem.install(app)

    @app.post("/demand")
    async def demand(body: Typed[intake.SupplementDemandRequested]) -> dict[str, Any]:
        assert type(body) is intake.SupplementDemandRequested
        return body.model_dump(mode="json")

    @app.post("/dossiers")
    async def hand_in(body: Typed[NewDossier]) -> dict[str, Any]:
        return body.model_dump(mode="json")

    return TestClient(app)


def faults(client: TestClient, path: str, body: Any) -> dict[str, str]:
    answer = client.post(path, json=body)
    assert answer.status_code == 422, answer.text
    return {error["field"]: error["detail"] for error in answer.json()["errors"]}


def test_what_can_be_read_comes_in_as_the_contracts_own_request(client: TestClient) -> None:
    assert client.post("/demand", json=DEMAND).json() == {**DEMAND, "until": None}
    told = client.post("/demand", json={**DEMAND, "documents": ["a\tb"], "reason": "c\r\nd"})
    assert (told.json()["documents"], told.json()["reason"]) == (["a b"], "c\nd")


def test_a_blank_demand_is_refused_and_each_field_named(client: TestClient) -> None:
    blank = {**DEMAND, "reason": "  ", "documents": ["Ảnh 4x6", " "]}
    assert faults(client, "/demand", blank) == dict.fromkeys(
        ("documents.1", "reason"), "has nothing in it that can be read"
    )


@pytest.mark.parametrize("hidden", ["\0", "\x1b", "\u202e", "\u2067"])
@pytest.mark.parametrize("field", ["reason"])
def test_what_hides_is_refused_by_name(client: TestClient, field: str, hidden: str) -> None:
    found = faults(client, "/demand", {**DEMAND, field: f"a{hidden}"})
    why = f"has a character that cannot be shown, U+{ord(hidden):04X}, at 1"
    assert found == {field: why}


def test_half_of_a_character_is_refused(client: TestClient) -> None:
    body = b'{"documents": ["a"], "reason": "a\\ud83d"}'
    answer = client.post("/demand", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["reason"]


def test_what_stands_in_a_filing_is_read_too(client: TestClient) -> None:
    filing = {**FILING, "documents": ["Tờ khai", "\u200b"]}
    assert [*faults(client, "/dossiers", {"filing": filing})] == ["filing.documents.1"]
    good = {**FILING, "documents": ["Tờ\tkhai"]}
    told = client.post("/dossiers", json={"filing": good})
    assert told.json()["filing"]["documents"] == ["Tờ khai"]


def test_whose_number_or_address_stands_in_a_free_text_is_not_taken(client: TestClient) -> None:
    named = {**DEMAND, "reason": "gọi 0901234567", "documents": ["a", "thư của an@example.vn"]}
    assert faults(client, "/demand", named) == {
        "documents.1": "has an e-mail address in it: leave it out, since what is written here is "
        "kept for ever",
        "reason": "has the number of a mobile phone in it: leave it out, since what is written "
        "here is kept for ever",
    }
    contact = {"email": "an@example.vn", "phone": "0901234567"}
    told = client.post("/dossiers", json={"filing": FILING, "contact": contact})
    assert told.status_code == 200


def test_every_route_reads_what_was_typed_in() -> None:
    requests = {each.NAME for each in registered().values() if each.KIND is Kind.REQUEST}
    taken = set()
    folder = Path(services.__file__).parent
    routes = [
        path for path in folder.rglob("*.py") if path.name == "api.py" or "http" in path.parts
    ]
    for path in routes:
        if folder / "runtime" in path.parents:
            continue
        for typed, name in re.findall(
            r"body: (Typed\[)?(?:\w+\.)?([A-Z]\w+)", path.read_text("utf-8")
        ):
            assert typed, f"{path.parent.name} takes {name} as it comes"
            taken.add(name)
    assert taken - {"NewDossier"} <= requests
    assert len(taken) > 15


def test_what_is_on_the_log_already_stays_readable() -> None:
    asked = {**DEMAND, "reason": " ", "documents": ["\u202e"]}
    assert intake.SupplementDemandRequested.model_validate(asked).reason == " "
