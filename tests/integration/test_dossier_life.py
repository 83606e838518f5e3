"""A dossier's life over HTTP, through Kafka, into all four services' MongoDB."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from contracts.catalogue import load_catalogue
from contracts.wire.topics import PAGE, SERVICES
from deploy.local.stack.endpoints import Endpoints
from motcua.cli import build
from services.shared.lookup_key import lookup_key
from tests.support.eventually import eventually
from tests.support.office import (
    CENTRE,
    MARITAL_STATUS,
    OFFICER,
    OTHER_OFFICER,
    OTHER_WARD,
    WARD_OFFICER,
    WARD_PLACE,
    WARD_UNIT,
    Office,
    filing,
)

pytestmark = pytest.mark.integration


def test_a_dossier_handed_in_at_one_unit_is_handled_at_another_and_returned_at_a_third(
    office: Office,
) -> None:
    answer = office.post(
        "intake", "/dossiers", {"by": OFFICER, "filing": filing(returning_unit=OTHER_WARD)}
    )
    assert answer.status_code == 201
    body = answer.json()
    code = body["code"]
    today = datetime.now(ZoneInfo("Asia/Ho_Chi_Minh")).strftime("%y%m%d")
    assert code.startswith(f"{CENTRE}-{today}-")
    assert answer.headers["Location"] == f"/dossiers/{code}"
    assert body["fact"]["type"] == "vn.motcua.DossierReceived.v3"
    assert _but_status(body["dossier"]) == _but_status(office.view("intake", code))
    # Routing may have begun before the answer was written.
    assert body["dossier"]["status_name"] in ("received", "in_process")

    for step in ("receive-check", "decide"):
        shown = eventually(
            lambda s=step: (v := office.open_step(code))["open_step"] == s and v  # type: ignore[misc]
        )
        assert shown["handling_unit"] == WARD_UNIT
        assert shown["competence_rule"] == "ward"
        office.agrees(code, "in_process")
        fact, _ = office.does(
            "routing", code, "step-completion", {"step": step, "by": shown["lead"]}
        )
        assert fact == "StepCompleted"
    office.agrees(code, "processed")

    fact, shown = office.does(
        "routing",
        code,
        "result-return",
        {"unit": OTHER_WARD, "channel": "counter", "by": OTHER_OFFICER},
    )
    assert fact == "ResultReturned"
    assert shown["returned_by_unit"] == OTHER_WARD
    assert shown["handling_unit"] == WARD_UNIT
    assert [s["completed_by"] for s in shown["steps"]] == [s["lead"] for s in shown["steps"]]
    office.agrees(code, "returned")
    assert office.view("intake", code)["receiving_unit"] == CENTRE

    clock = office.view("sla", code)
    assert clock["unit"] == WARD_UNIT
    assert clock["original_due"] == clock["due"] is not None
    assert not clock["late"]
    assert clock["alerts"] == []
    told = office.view("notify", code)["messages"]
    assert {m["channel"] for m in told} == {"email"}
    assert len({m["id"] for m in told}) == len(told) > 0


def test_the_receipt_has_the_look_up_key_and_the_form_of_its_day(office: Office) -> None:
    code = office.hand_in()
    receipt = office.get("intake", f"/dossiers/{code}/receipt").json()
    assert receipt["code"] == code
    assert receipt["lookup_key"] == lookup_key("tests", code)
    assert receipt["form"] == "Mẫu số 01, Thông tư 03/2025/TT-VPCP"
    assert receipt["receiving_unit"] == load_catalogue().units[CENTRE].name_vi
    assert receipt["documents"] == ["a form"]


def test_a_dossier_filed_online_is_registered_first_and_received_by_an_officer(
    office: Office,
) -> None:
    code = office.hand_in(by=None, channel="online")
    assert office.view("intake", code)["status_name"] == "registered"
    assert office.view("intake", code)["received_at"] is None
    fact, shown = office.does("intake", code, "reception")
    assert fact == "DossierReceived"
    assert shown["received_at"] is not None
    office.agrees(code, "in_process")


def test_a_dossier_filed_online_can_be_refused_with_the_reason(office: Office) -> None:
    code = office.hand_in(by=None, channel="online")
    fact, shown = office.does(
        "intake", code, "rejection", {"reason": "the form is of another city", "by": OFFICER}
    )
    assert fact == "DossierNotReceived"
    assert shown["not_received_reason"] == "the form is of another city"
    office.agrees(code, "not_received", "intake", "notify")


def test_a_supplement_stops_the_clock_until_it_is_delivered_at_any_unit(office: Office) -> None:
    code = office.hand_in()
    office.agrees(code, "in_process")
    fact, shown = office.does(
        "intake",
        code,
        "supplement-demand",
        {"documents": ["a photo"], "reason": "none was there", "by": OFFICER},
    )
    assert fact == "SupplementDemanded"
    assert shown["supplements"][0]["documents"] == ["a photo"]
    office.agrees(code, "supplement_requested")
    assert office.view("sla", code)["clock"] == "stopped"

    fact, _ = office.does(
        "intake",
        code,
        "supplement",
        {"documents": ["a photo"], "unit": OTHER_WARD, "by": OTHER_OFFICER},
    )
    assert fact == "SupplementDelivered"
    office.agrees(code, "in_process")
    assert office.view("sla", code)["clock"] == "running"


def test_a_payment_in_parts_lets_the_clock_run_with_the_last_part(office: Office) -> None:
    code = office.hand_in()
    office.agrees(code, "in_process")
    office.does(
        "intake", code, "payment-demand", {"amount": 100_000, "reason": "tax", "by": OFFICER}
    )
    office.agrees(code, "payment_requested")
    fact, shown = office.does("intake", code, "payment", {"amount": 30_000, "reference": "p1"})
    assert fact == "PaymentReceived"
    assert shown["outstanding"] == 70_000
    assert shown["status_name"] == "payment_requested"
    too_much = office.post(
        "intake", f"/dossiers/{code}/payment", {"amount": 70_001, "reference": "p2"}
    )
    assert (too_much.status_code, too_much.json()["type"]) == (409, "urn:motcua:problem:overpaid")
    _, shown = office.does("intake", code, "payment", {"amount": 70_000, "reference": "p2"})
    assert shown["outstanding"] == 0
    assert [p["amount"] for p in shown["payments"]] == [30_000, 70_000]
    office.agrees(code, "in_process")


def test_a_citizen_takes_a_dossier_back(office: Office) -> None:
    code = office.hand_in()
    office.agrees(code, "in_process")
    fact, shown = office.does("intake", code, "withdrawal", {"reason": "not needed any more"})
    assert fact == "DossierWithdrawn"
    assert shown["withdrawal_reason"] == "not needed any more"
    office.agrees(code, "withdrawn")
    assert office.view("sla", code)["ended_at"] is not None


def test_a_stopped_dossier_goes_on_when_it_is_resumed(office: Office) -> None:
    code = office.hand_in()
    office.agrees(code, "in_process")
    assert office.does("routing", code, "stop", {"reason": "a lawsuit", "by": WARD_OFFICER})[0] == (
        "DossierStopped"
    )
    office.agrees(code, "stopped")
    assert office.view("sla", code)["clock"] == "stopped"
    fact, _ = office.does("routing", code, "resumption", {"reason": "settled", "by": WARD_OFFICER})
    assert fact == "DossierResumed"
    office.agrees(code, "in_process")


def test_another_lead_and_another_unit_take_a_dossier_over(office: Office) -> None:
    code = office.hand_in()
    lead = office.open_step(code)["lead"]
    units = load_catalogue().units
    other = next(o for o in units[WARD_UNIT].officers if o != lead)
    head = units[WARD_UNIT].head
    fact, shown = office.does("routing", code, "step-reassignment", {"lead": other, "by": head})
    assert (fact, shown["lead"]) == ("StepReassigned", other)
    refused = office.post(
        "routing",
        f"/dossiers/{code}/step-completion",
        {"step": "receive-check", "by": lead},
    )
    assert refused.json()["type"] == "urn:motcua:problem:not-the-lead"

    fact, shown = office.does(
        "routing",
        code,
        "hand-over",
        {"to_unit": OTHER_WARD, "reason": "the citizen moved", "by": head},
    )
    assert (fact, shown["handling_unit"]) == ("DossierHandedOver", OTHER_WARD)
    assert shown["lead"] in units[OTHER_WARD].officers
    assert shown["hand_overs"][0]["to_unit"] == OTHER_WARD
    eventually(lambda: office.view("sla", code)["unit"] == OTHER_WARD)
    eventually(lambda: office.view("notify", code)["unit"] == OTHER_WARD)


def test_whoever_leads_a_dossier_says_that_it_will_be_late_and_its_head_apologises(
    office: Office,
) -> None:
    units = load_catalogue().units
    code = office.hand_in()
    lead, head = office.open_step(code)["lead"], units[WARD_UNIT].head
    eventually(lambda: office.view("sla", code)["due"] is not None)
    none = office.post("sla", f"/dossiers/{code}/apology", {"reason": "ill", "by": head})
    assert (none.status_code, none.json()["type"]) == (409, "urn:motcua:problem:not-owed")

    said = {"reason": "the archive has not answered", "by": lead}
    refused = office.post("sla", f"/dossiers/{code}/foreseen-delay", said | {"by": "cb-29-0001"})
    assert refused.json()["type"] == "urn:motcua:problem:not-the-lead"
    fact, shown = office.does("sla", code, "foreseen-delay", said)
    assert (fact, shown["letter"]) == ("DelayForeseen", "missing")
    assert shown["foreseen"]["reason"] == said["reason"]
    assert "ApologyOwed" in {alert["kind"] for alert in shown["alerts"]}

    due = shown["due"]
    fact, shown = office.does("sla", code, "apology", said | {"by": head})
    assert (fact, shown["letter"], shown["due"]) == ("ApologyIssued", "in-time", due)
    assert shown["letters"][0]["due"] is None
    key = lookup_key("tests", code)
    told = eventually(lambda: office.get(PAGE, f"/status/{code}.json", key=key).json()["apology"])
    assert (told["reason"], told["due"]) == (said["reason"], None)
    for view in (office.view("sla", code), told):
        assert "citizen-" not in json.dumps(view)


def test_another_authority_is_asked_and_answers_while_the_clock_runs_on(office: Office) -> None:
    code = office.hand_in()
    lead = office.open_step(code)["lead"]
    question = {
        "unit": OTHER_WARD,
        "question": "was the citizen married where they lived before?",
        "budget": {"amount": 2, "unit": "working-days"},
        "by": lead,
    }
    fact, shown = office.does("routing", code, "consultation", question)
    assert fact == "ConsultationOpened"
    assert (shown["handling_unit"], shown["lead"]) == (WARD_UNIT, lead)
    assert shown["consultations"][0]["answered_at"] is None
    office.agrees(code, "in_process")
    assert office.view("sla", code)["clock"] == "running"
    again = office.post("routing", f"/dossiers/{code}/consultation", question)
    assert (again.status_code, again.json()["type"]) == (409, "urn:motcua:problem:wrong-state")

    answer = {"unit": OTHER_WARD, "answer": "no record of it", "by": OTHER_OFFICER}
    fact, shown = office.does("routing", code, "consultation-answer", answer)
    assert fact == "ConsultationAnswered"
    (consultation,) = shown["consultations"]
    assert (consultation["unit"], consultation["answer"]) == (OTHER_WARD, "no record of it")
    twice = office.post("routing", f"/dossiers/{code}/consultation-answer", answer)
    assert twice.json()["type"] == "urn:motcua:problem:nothing-outstanding"


def test_what_is_entered_late_counts_from_when_it_happened(office: Office) -> None:
    at = (datetime.now(UTC) - timedelta(hours=5)).isoformat(timespec="milliseconds")
    body = {"by": OFFICER, "filing": filing()}
    answer = office.post("intake", "/dossiers", body, params={"at": at})
    assert answer.status_code == 201
    received = datetime.fromisoformat(answer.json()["dossier"]["received_at"])
    assert received == datetime.fromisoformat(at)


def test_the_list_is_walked_page_by_page_without_gap_or_double(office: Office) -> None:
    agency = "H29.10"
    before = _walk(office, f"/dossiers?agency={agency}&limit=3")
    made = [office.hand_in(receiving_unit=agency) for _ in range(10)]
    neighbour = office.hand_in(receiving_unit="H29.101")  # its code begins alike
    walked = _walk(office, f"/dossiers?agency={agency}&limit=3")
    assert walked == sorted(before + made)
    everything = _walk(office, "/dossiers?limit=7")
    assert everything == sorted(set(everything))
    assert {*made, neighbour} <= set(everything)
    exact = office.get("intake", "/dossiers", agency=agency, limit=len(walked)).json()
    assert exact["next"] is None


def test_metrics_and_health_tell_what_was_done(office: Office) -> None:
    wanted = {
        "service": "intake",
        "type": "vn.motcua.ReceptionRequested.v3",
        "outcome": "applied",
    }
    before = office.metric("intake", "motcua_events_total", **wanted)
    office.agrees(office.hand_in(), "in_process")
    assert office.metric("intake", "motcua_events_total", **wanted) == before + 1
    posted = {"route": "/dossiers", "method": "POST", "status": "201"}
    assert office.metric("intake", "motcua_http_request_seconds_count", **posted) >= before + 1
    for service in SERVICES:
        owned = office.metric(service, "motcua_partitions_owned", topic="dossier.events")
        assert owned == 4
        assert office.metric(service, "motcua_dead_letters_total", service=service) == 0
        for probe in ("live", "ready"):
            answer = office.get(service, f"/health/{probe}")
            assert answer.status_code == 200
            assert answer.json()["status"] in ("idle", "busy")
            mine = office.metric(service, "motcua_partitions_owned")
            assert answer.json()["partitions"] == mine  # of all topics


def test_every_service_draws_the_same_balance(office: Office) -> None:
    office.agrees(office.hand_in(), "in_process")
    now = datetime.now(UTC)
    period = {"since": (now - timedelta(days=1)).isoformat(), "until": now.isoformat()}

    def drawn() -> bool:
        balances = [office.get(s, "/balance", **period).json() for s in SERVICES]
        for b in balances:
            assert b["carried_over"] + b["received"] == b["resolved"] + b["open"]
        return balances == [balances[0]] * len(SERVICES) and balances[0]["received"] > 0

    eventually(drawn, what="the same balance")
    figures = office.get("sla", "/figures", **period).json()["total"]
    balance = office.get("sla", "/balance", **period).json()
    assert {name: figures[name] for name in balance} == balance
    messages = office.get("notify", "/figures").json()
    assert sum(messages["planned"].values()) > 0


def test_the_competent_unit_can_be_asked_for(office: Office) -> None:
    found = office.get("routing", "/competence", procedure=MARITAL_STATUS, place=WARD_PLACE)
    assert found.json()["unit"] == WARD_UNIT
    nobody = office.get("routing", "/competence", procedure=MARITAL_STATUS, place="nowhere")
    assert nobody.status_code == 404
    assert len(office.get("intake", "/procedures").json()) == len(load_catalogue().procedures)


def test_a_dossiers_story_is_told_from_the_log(office: Office, endpoints: Endpoints) -> None:
    code = office.hand_in()
    office.agrees(code, "in_process")
    runner = CliRunner(env={"COLUMNS": "200"})

    def told() -> str | None:
        result = runner.invoke(build(), ["story", code, "--all", "--kafka", endpoints.kafka])
        # Notify is the last to say something about a dossier that was just handed in.
        return result.output if "MessagePlanned" in result.output else None

    story = eventually(told)
    for line in ("ReceptionRequested", "DossierReceived", "DossierRouted", "DeadlineSet"):
        assert line in story
    assert story.index("ReceptionRequested") < story.index("StepStarted")
    folded = runner.invoke(build(), ["story", code, "--kafka", endpoints.kafka]).output
    assert "DossierReceived" in folded
    assert re.search(r"\d messages? .*received.* by", folded)
    assert "ReceptionRequested" not in folded

    nobody = runner.invoke(build(), ["story", "Z9.9-200101-NONE", "--kafka", endpoints.kafka])
    assert nobody.exit_code == 1
    assert "nothing on the log" in nobody.output


def test_the_live_view_shows_every_service(office: Office) -> None:
    addresses = [office.url(service, "") for service in SERVICES]
    result = CliRunner(env={"COLUMNS": "80"}).invoke(build(), ["top", "--once", *addresses])
    assert result.exit_code == 0, result.output
    assert "4 of 4 answer" in result.output
    for service in SERVICES:
        (line,) = (x for x in result.output.splitlines() if x.startswith(service))
        assert len(line.split()) == 10


def _but_status(view: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in view.items() if not name.startswith("status")}


def _walk(office: Office, path: str | None) -> list[str]:
    codes: list[str] = []
    while path is not None:
        page = office.get("intake", path).json()
        codes += [item["code"] for item in page["items"]]
        path = page["next"]
    return codes
