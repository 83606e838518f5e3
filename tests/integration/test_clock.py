"""Why a dossier is due when it is, asked over HTTP and in the terminal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest
from typer.testing import CliRunner

from deploy.local.stack.endpoints import Endpoints
from motcua.cli import build
from tests.support.office import OFFICER, PROBLEM, WARD_OFFICER, WARD_UNIT, Office
from tests.support.signed_in import AUDITOR

pytestmark = pytest.mark.integration


def test_a_due_time_is_explained_as_data_as_text_as_a_drawing_and_in_the_terminal(
    office: Office, endpoints: Endpoints, tmp_path: Path
) -> None:
    code = office.hand_in()
    office.agrees(code, "in_process")
    demand = {"documents": ["a photo"], "reason": "none was there", "by": OFFICER}
    office.does("intake", code, "supplement-demand", demand)
    office.agrees(code, "supplement_requested")
    path = f"/dossiers/{code}/clock"

    data = office.get("sla", path, lang="en").json()
    assert (data["code"], data["clock"], data["due"]) == (code, "stopped", None)
    assert [part["reason"] for part in data["segments"]] == ["handling", "supplement"]
    assert data["segments"][-1]["account"] == "citizen"
    assert sum(part["elapsed_seconds"] for part in data["segments"]) == data["elapsed_seconds"]
    assert {part["unit"] for part in data["segments"]} == {WARD_UNIT}
    assert data["original_due"] == office.view("sla", code)["original_due"]
    assert data["explanation"][-1].startswith("Conclusion: the clock stands")

    office.does(
        "intake",
        code,
        "supplement",
        {"documents": ["a photo"], "unit": WARD_UNIT, "by": WARD_OFFICER},
    )
    office.agrees(code, "in_process")
    running = office.get("sla", path).json()
    assert running["due"] == office.view("sla", code)["due"]
    assert running["explanation"][-1].startswith("Kết luận: ngày hẹn trả là ")
    before = datetime.fromisoformat(running["received_at"]) - timedelta(seconds=1)
    assert running["used_seconds"] + running["left_seconds"] == running["budget_seconds"]

    plain = {"Accept": "text/plain", **office.signed_in.header(AUDITOR)}
    text = httpx.get(office.url("sla", path), headers=plain)
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.headers["content-language"] == "vi"
    assert running["explanation"][-1].split(":")[0] in text.text
    drawing = office.get("sla", path, format="svg")
    assert drawing.headers["content-type"] == "image/svg+xml"
    assert ElementTree.fromstring(drawing.text).get("role") == "img"

    for params, status in (
        ({"at": before.isoformat()}, 422),
        ({"at": datetime(2041, 1, 1, tzinfo=UTC).isoformat()}, 422),
        ({"lang": "fr"}, 422),
    ):
        refused = office.get("sla", path, **params)
        assert (refused.status_code, refused.headers["content-type"]) == (status, PROBLEM)
    assert office.get("sla", "/dossiers/Z9.9-200101-NONE/clock").status_code == 404

    runner = CliRunner(env={"COLUMNS": "120", "MOTCUA_MONGO": endpoints.mongo})
    file = tmp_path / "clock.svg"
    told = runner.invoke(build(), ["why", code, "--lang", "en", "--svg", str(file)])
    assert told.exit_code == 0, told.output
    assert "Awaiting a supplement" in told.output
    assert "Conclusion: the due time is " in told.output
    assert ElementTree.fromstring(file.read_text(encoding="utf-8")).get("role") == "img"
    unknown = runner.invoke(build(), ["why", "Z9.9-200101-NONE"])
    assert unknown.exit_code == 1
    assert "no dossier Z9.9-200101-NONE" in unknown.output
    assert runner.invoke(build(), ["why", code, "--at", "yesterday"]).exit_code == 2
