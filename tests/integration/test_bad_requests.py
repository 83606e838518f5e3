"""What is wrong with a request is said as a problem (RFC 9457), and nothing is half done."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.intake.codes import KEY_LIFETIME, VIETNAM, CallersKey, Codes
from services.runtime.mongo.client import Database
from tests.support.office import (
    CENTRE,
    OFFICER,
    PROBLEM,
    WARD_HEAD,
    Office,
    desk_of,
    filing,
)

pytestmark = pytest.mark.integration

UNKNOWN = "H29.1-200101-0001"
DEMAND = {"documents": ["a photo"], "reason": "none was there", "by": OFFICER}


def _problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == PROBLEM
    body: dict[str, Any] = answer.json()
    assert body["type"] == f"urn:motcua:problem:{kind}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    return body


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"procedure": "9.999999"}, "filing.procedure"),
        ({"receiving_unit": "H99"}, "filing.receiving_unit"),
        ({"returning_unit": "H99"}, "filing.returning_unit"),
        ({"channel": "pigeon"}, "filing.channel"),
        ({"documents": "a form"}, "filing.documents"),
        ({"documents": [1]}, "filing.documents.0"),
        ({"fee": -1}, "filing.fee"),
        ({"fee": "a lot"}, "filing.fee"),
        ({"receiving_unit": "no unit's code"}, "filing.receiving_unit"),
        ({"citizen": None}, "filing.citizen"),
        ({"place": {"ward": 1}}, "filing.place"),
    ],
)
def test_a_filing_that_cannot_be_names_its_field(
    office: Office, changes: dict[str, Any], field: str
) -> None:
    answer = office.post("intake", "/dossiers", {"by": OFFICER, "filing": filing(**changes)})
    assert [e["field"] for e in _problem(answer, 422, "invalid-field")["errors"]] == [field]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "filing"),
        ([], "body"),
        ({"filing": filing(), "bye": 1}, "bye"),
        ({"filing": filing(), "by": OFFICER, "contact": {"email": "nobody"}}, "contact.email"),
    ],
)
def test_a_body_that_is_no_handing_in_names_its_field(
    office: Office, body: Any, field: str
) -> None:
    answer = office.post("intake", "/dossiers", body)
    assert field in [e["field"] for e in _problem(answer, 422, "invalid-field")["errors"]]


def test_a_channel_that_the_procedure_does_not_offer_is_refused(office: Office) -> None:
    body = {"by": OFFICER, "filing": filing(procedure="2.000884", channel="postal")}
    refused = _problem(office.post("intake", "/dossiers", body), 409, "channel-not-offered")
    assert refused["fact"]["type"] == "vn.motcua.ReceptionRefused.v1"


def test_what_the_state_does_not_allow_is_refused_with_the_reason(office: Office) -> None:
    code = office.hand_in()
    answer = office.post(
        "intake", f"/dossiers/{code}/supplement", {"documents": ["x"], "unit": CENTRE}
    )
    refused = _problem(answer, 409, "wrong-state")
    assert refused["fact"]["type"] == "vn.motcua.SupplementDeliveryRefused.v1"
    assert "it cannot take a supplement" in refused["detail"]
    asked_again = office.get("intake", f"/dossiers/{code}/requests/{refused['request']}")
    assert _problem(asked_again, 409, "wrong-state")["fact"] == refused["fact"]

    office.open_step(code)
    answer = office.post(
        "routing", f"/dossiers/{code}/step-completion", {"step": "decide", "by": WARD_HEAD}
    )
    assert "receive-check" in _problem(answer, 409, "wrong-step")["detail"]
    answer = office.post(
        "routing", f"/dossiers/{code}/resumption", {"reason": "x", "by": WARD_HEAD}
    )
    _problem(answer, 409, "wrong-state")
    answer = office.post(
        "routing",
        f"/dossiers/{code}/hand-over",
        {"to_unit": "H99", "reason": "x", "by": WARD_HEAD},
    )
    _problem(answer, 409, "unknown-unit")


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"reason": "  ", "documents": ["  "]}, ["documents.0", "reason"]),
        ({"reason": "a\u202eb"}, ["reason"]),
        ({"documents": ["a photo", "a\0"]}, ["documents.1"]),
    ],
)
def test_a_demand_that_cannot_be_read_stops_nothing_and_names_its_fields(
    office: Office, changes: dict[str, Any], fields: list[str]
) -> None:
    code = office.hand_in()
    answer = office.post("intake", f"/dossiers/{code}/supplement-demand", {**DEMAND, **changes})
    errors = _problem(answer, 422, "invalid-field")["errors"]
    assert sorted(e["field"] for e in errors) == fields
    seen = office.get("intake", f"/dossiers/{code}").json()
    assert seen["status"] in (2, 4)


@pytest.mark.parametrize("service", ["intake", "routing", "sla", "notify"])
def test_a_dossier_that_nobody_knows_is_not_found(office: Office, service: str) -> None:
    _problem(office.get(service, f"/dossiers/{UNKNOWN}"), 404, "unknown-dossier")


def test_asking_for_a_change_of_an_unknown_dossier_is_answered_not_found(office: Office) -> None:
    _problem(office.get("intake", f"/dossiers/{UNKNOWN}/receipt"), 404, "unknown-dossier")
    answer = office.post("intake", f"/dossiers/{UNKNOWN}/supplement-demand", DEMAND)
    _problem(answer, 404, "unknown-dossier")
    answer = office.post("routing", f"/dossiers/{UNKNOWN}/stop", {"reason": "x", "by": WARD_HEAD})
    _problem(answer, 404, "unknown-dossier")
    # And what was asked of it has not made it known.
    _problem(office.get("intake", f"/dossiers/{UNKNOWN}"), 404, "unknown-dossier")
    listed = office.get("intake", "/dossiers", after="H29.1-200101-0000", limit=1).json()
    assert [i["code"] for i in listed["items"]] != [UNKNOWN]
    _problem(office.get("intake", f"/dossiers/{UNKNOWN}/requests/none"), 404, "not-answered")
    _problem(office.get("intake", "/procedures/none"), 404, "unknown-procedure")
    _problem(office.get("intake", "/nothing-here"), 404, "not-found")


def test_what_is_no_dossier_code_is_named(office: Office) -> None:
    answer = office.get("intake", "/dossiers/number-one")
    assert _problem(answer, 422, "invalid-field")["errors"][0]["field"] == "code"


def _json(office: Office) -> dict[str, str]:
    return {"Content-Type": "application/json", **office.signed_in.header(OFFICER)}


def test_a_body_that_is_no_json_says_at_which_character(office: Office) -> None:
    answer = httpx.post(
        office.url("intake", "/dossiers"),
        content=b'{"by": "cb-1",, }',
        headers=_json(office),
    )
    assert "at character 14" in _problem(answer, 400, "bad-json")["detail"]


def test_a_body_of_bytes_that_are_no_text_is_a_bad_request(office: Office) -> None:
    answer = httpx.post(
        office.url("intake", "/dossiers"),
        content=b'{"by": "\xff\xfe"}',
        headers=_json(office),
    )
    assert answer.status_code in (400, 422)
    assert answer.headers["Content-Type"] == PROBLEM


def test_a_body_that_is_too_large_is_not_read_whether_its_size_is_announced_or_not(
    office: Office,
) -> None:
    url = office.url("intake", "/dossiers")
    body = b'{"by": "' + b"x" * 300_000 + b'"}'
    json = _json(office)
    announced = httpx.post(url, content=body, headers=json)
    _problem(announced, 413, "body-too-large")

    def pieces() -> Iterator[bytes]:
        for at in range(0, len(body), 50_000):
            yield body[at : at + 50_000]

    chunked = httpx.post(url, content=pieces(), headers=json)
    assert "131072" in _problem(chunked, 413, "body-too-large")["detail"]


def test_nothing_happens_in_the_future(office: Office) -> None:
    at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    answer = office.post(
        "intake", "/dossiers", {"by": OFFICER, "filing": filing()}, params={"at": at}
    )
    assert _problem(answer, 422, "invalid-field")["errors"][0]["field"] == "at"
    for no_time in ("yesterday", "2026-01-01T00:00:00"):
        answer = office.post(
            "intake", "/dossiers", {"by": OFFICER, "filing": filing()}, params={"at": no_time}
        )
        assert _problem(answer, 422, "invalid-field")["errors"][0]["field"] == "at"


@pytest.mark.parametrize(
    ("service", "path", "params", "field"),
    [
        ("intake", "/dossiers", {"limit": 0}, "limit"),
        ("intake", "/dossiers", {"limit": 501}, "limit"),
        ("intake", "/dossiers", {"agency": "a b"}, "agency"),
        ("sla", "/figures", {"since": "2026-02-01T00:00:00Z"}, "until"),
        (
            "sla",
            "/figures",
            {"since": "2026-02-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"},
            "until",
        ),
        ("notify", "/balance", {"since": "x", "until": "2026-02-01T00:00:00Z"}, "since"),
    ],
)
def test_a_question_that_cannot_be_asked_names_its_parameter(
    office: Office, service: str, path: str, params: dict[str, Any], field: str
) -> None:
    answer = office.get(service, path, **params)
    assert field in [e["field"] for e in _problem(answer, 422, "invalid-field")["errors"]]


def test_a_retry_with_the_same_key_is_the_same_request(office: Office) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    body = {"by": OFFICER, "filing": filing()}
    first = office.post("intake", "/dossiers", body, headers=headers)
    again = office.post("intake", "/dossiers", body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert [first.json()[k] for k in ("code", "fact", "request")] == [
        again.json()[k] for k in ("code", "fact", "request")
    ]
    code = first.json()["code"]
    demands = [
        office.post("intake", f"/dossiers/{code}/supplement-demand", DEMAND, headers=headers)
        for _ in range(2)
    ]
    # A key belongs to one request: that of the handing in is no key for another question.
    for answer in demands:
        _problem(answer, 422, "idempotency-key-reused")


def test_a_refusal_is_given_again_to_a_retry(office: Office) -> None:
    code = office.hand_in()
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    body = {"documents": ["x"], "unit": CENTRE}
    answers = [
        office.post("intake", f"/dossiers/{code}/supplement", body, headers=headers)
        for _ in range(2)
    ]
    facts = [_problem(a, 409, "wrong-state")["fact"] for a in answers]
    assert facts[0] == facts[1]


def test_twenty_retries_at_once_make_one_dossier(office: Office) -> None:
    agency = "H29.11"
    key = uuid.uuid4().hex

    def hand_in(_: int) -> tuple[int, str, str]:
        answer = office.post(
            "intake",
            "/dossiers",
            {"by": desk_of(agency), "filing": filing(receiving_unit=agency)},
            headers={"Idempotency-Key": key},
        )
        return answer.status_code, answer.json()["code"], answer.json()["fact"]["id"]

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(hand_in, range(20)))
    assert len(set(answers)) == 1
    assert answers[0][0] == 201
    listed = office.get("intake", "/dossiers", agency=agency, limit=500).json()["items"]
    assert [i["code"] for i in listed].count(answers[0][1]) == 1
    office.agrees(answers[0][1], "in_process")


def test_the_same_key_with_another_body_is_refused_and_changes_nothing(office: Office) -> None:
    key = uuid.uuid4().hex
    code = office.hand_in(key=key)
    for changes in ({"fee": 1}, {"channel": "postal"}):
        answer = office.post(
            "intake",
            "/dossiers",
            {"by": OFFICER, "filing": filing(**changes)},
            headers={"Idempotency-Key": key},
        )
        body = _problem(answer, 422, "idempotency-key-reused")
        assert body["errors"][0]["field"] == "Idempotency-Key"
    assert office.view("intake", code)["fee"] == filing()["fee"]
    too_long = office.post(
        "intake",
        "/dossiers",
        {"by": OFFICER, "filing": filing()},
        headers={"Idempotency-Key": "k" * 201},
    )
    _problem(too_long, 422, "invalid-field")


def test_the_same_key_of_another_officer_is_another_request(office: Office) -> None:
    key = uuid.uuid4().hex
    mine, theirs = (office.hand_in(key=key, by=by) for by in (OFFICER, "cb-29-0005"))
    assert mine != theirs
    assert office.hand_in(key=key, by=OFFICER) == mine


def test_fifty_at_once_in_one_agency_get_fifty_codes(office: Office) -> None:
    with ThreadPoolExecutor(50) as pool:
        codes = list(pool.map(lambda _: office.hand_in(receiving_unit="H29.12"), range(50)))
    assert len(set(codes)) == 50
    numbers = sorted(int(code.rpartition("-")[2]) for code in codes)
    assert numbers == list(range(numbers[0], numbers[0] + 50))


async def test_codes_drawn_at_once_are_all_different(database: Database) -> None:
    codes = Codes(database)
    at = datetime(2026, 3, 6, 17, 0, tzinfo=UTC)  # already the 7th in Vietnam
    drawn = await asyncio.gather(*(codes.draw("H29.1", at) for _ in range(50)))
    assert sorted(drawn) == [f"H29.1-260307-{n:04d}" for n in range(1, 51)]
    mine = CallersKey("by:cb-1", "one-key", at)
    same = await asyncio.gather(*(codes.draw("H29.1", at, mine) for _ in range(20)))
    assert len(set(same)) == 1
    assert await codes.draw("H29.1", at, mine._replace(caller="by:cb-2")) not in same
    await codes.prepare()
    drawn_for = await database["codes_drawn"].find().to_list(None)
    assert [kept["until"] for kept in drawn_for] == [at + KEY_LIFETIME] * 2
    assert "one-key" not in str(drawn_for)
    assert "forget" in await database["codes_drawn"].index_information()
    later = await codes.draw("H29.1", at + timedelta(days=1))
    assert later == "H29.1-260308-0001"
    assert (await codes.draw("H29.2", at)).startswith("H29.2-260307-")
    assert at.astimezone(VIETNAM).day == 7


async def test_a_number_that_others_gave_is_not_drawn(database: Database) -> None:
    codes = Codes(database)
    at = datetime(2026, 3, 6, tzinfo=UTC)
    await codes.at_least("H29.1", "260306", 9_999)
    assert await codes.draw("H29.1", at) == "H29.1-260306-10000"
    await codes.at_least("H29.1", "260306", 5)
    assert await codes.draw("H29.1", at) == "H29.1-260306-10001"
