"""A request that is dated back, over HTTP: within the limit, beyond it, and with an approval."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from contracts.catalogue import load_catalogue
from contracts.values import rfc3339
from deploy.local.stack.endpoints import Endpoints
from motcua.cli import build
from services.shared.working_time import WORKING_HOUR, load_calendars
from tests.support.eventually import eventually
from tests.support.office import (
    CENTRE,
    OFFICER,
    PROBLEM,
    WARD_HEAD,
    WARD_OFFICER,
    WARD_UNIT,
    Office,
    filing,
)

pytestmark = pytest.mark.integration

STOP = {"reason": "Tòa án thụ lý", "by": WARD_OFFICER}


def back(unit: str, hours: int) -> str:
    """The time so many working hours ago."""
    calendar = load_calendars().for_unit(unit)
    return rfc3339(calendar.subtract(datetime.now(UTC), hours * WORKING_HOUR))


@pytest.fixture
def code(office: Office) -> str:
    """A dossier that was received four days ago and entered today."""
    answer = office.post(
        "intake",
        "/dossiers",
        {"by": OFFICER, "filing": filing()},
        params={"at": back(CENTRE, 32)},
    )
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["code"]
    assert office.open_step(found)["handling_unit"] == WARD_UNIT
    return found


def test_a_stop_that_is_dated_back_too_far_needs_the_heads_approval(
    office: Office, code: str, endpoints: Endpoints
) -> None:
    mongo_uri = endpoints.mongo
    dated = back(WARD_UNIT, 20)
    refused = office.post("routing", f"/dossiers/{code}/stop", STOP, params={"at": dated})
    assert refused.status_code == 409
    problem = refused.json()
    assert problem["type"] == "urn:motcua:problem:entered-too-late"
    assert WARD_UNIT in problem["detail"]

    wanted: dict[str, Any] = {"request": "StopRequested", "at": dated, "reason": "Mất điện"}
    path = f"/dossiers/{code}/late-entries"
    # Not the one to whom other tests of this city delegate.
    officer = next(o for o in load_catalogue().units[WARD_UNIT].officers if o != WARD_OFFICER)
    officers = office.post("routing", path, {**wanted, "by": officer})
    assert officers.json()["type"] == "urn:motcua:problem:not-the-head"
    another = load_catalogue().units[CENTRE].head
    others = office.post("routing", path, {**wanted, "by": another})
    assert (others.status_code, others.json()["type"]) == (403, "urn:motcua:problem:not-the-head")

    head = load_catalogue().units[WARD_UNIT].head
    fact, shown = office.does("routing", code, "late-entries", {**wanted, "by": head})
    assert fact == "LateEntryApproved"
    assert [e["request"] for e in shown["late_entries"]] == ["StopRequested"]
    fact, _ = office.does("routing", code, "stop", STOP, at=dated)
    assert fact == "DossierStopped"
    office.agrees(code, "stopped")

    # By what was known the moment before the stop was entered, it was not stopped.
    entered = datetime.now(UTC)
    clock = f"/dossiers/{code}/clock"
    now = office.get("sla", clock)
    assert (now.json()["clock"], now.json()["known_at"]) == ("stopped", None)
    before = office.get("sla", clock, known_at=dated, at=rfc3339(entered))
    assert before.status_code == 422  # the reception was not entered yet either
    assert before.json()["errors"][0]["field"] == "known_at"
    approved = shown["late_entries"][0]["approved_at"]
    then = office.get("sla", clock, known_at=approved)
    assert (then.json()["clock"], then.json()["status_name"]) == ("running", "in_process")
    assert (then.json()["at"], then.json()["known_at"]) == (approved, approved)
    told = CliRunner().invoke(
        build(), ["why", code, "--lang", "en", "--mongo", mongo_uri, "--known-at", approved]
    )
    assert told.exit_code == 0, told.output
    assert "by what was known on" in " ".join(told.output.split())


def test_intake_and_sla_hold_to_the_limit_and_to_the_approval(office: Office, code: str) -> None:
    dated = back(WARD_UNIT, 20)
    head = load_catalogue().units[WARD_UNIT].head
    asked: list[tuple[str, str, str, dict[str, Any]]] = [
        ("sla", "exemption", "ExemptionRequested", {"ground": "force-majeure", "by": head}),
        ("intake", "supplement-demand", "SupplementDemandRequested", {"documents": ["a form"]}),
    ]
    for service, what, request, more in asked:
        body = {"reason": "lũ lụt", "by": OFFICER, **more}
        refused = office.post(service, f"/dossiers/{code}/{what}", body, params={"at": dated})
        assert refused.json()["type"] == "urn:motcua:problem:entered-too-late", what
        approval = {"request": request, "at": dated, "reason": "Mất điện", "by": head}
        office.does("routing", code, "late-entries", approval)
        eventually(
            lambda s=service, w=what, b=body: (  # type: ignore[misc]
                office.post(s, f"/dossiers/{code}/{w}", b, params={"at": dated}).status_code == 200
            ),
            what=f"the approval of {what} at {service}",
        )


@pytest.mark.parametrize("at", ["1999-12-31T23:59:59+07:00", "tomorrow"])
def test_no_time_of_the_future_and_none_before_2000_comes_in(
    office: Office, code: str, at: str
) -> None:
    if at == "tomorrow":
        at = rfc3339(datetime.now(UTC) + timedelta(days=1))
    answers = [
        office.post("routing", f"/dossiers/{code}/stop", STOP, params={"at": at}),
        office.post("intake", f"/dossiers/{code}/withdrawal", {"reason": "r"}, params={"at": at}),
        office.post(
            "routing",
            f"/dossiers/{code}/late-entries",
            {"request": "StopRequested", "at": at, "reason": "r", "by": WARD_HEAD},
        ),
    ]
    for answer in answers:
        assert answer.status_code == 422
        assert answer.headers["content-type"] == PROBLEM
        assert answer.json()["errors"][0]["field"] == "at"
