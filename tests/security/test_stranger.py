"""What a stranger tries from outside, over a running city, and what a real sign-in opens.

Each of these was possible for whoever reached the services: to list all dossiers, to fetch a
receipt with its look-up key, to replace contact data, to complete a step in the lead's name, to
sign a letter in the head's.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from contracts.events import routing
from contracts.rules import sample_rules
from contracts.wire.claims import Role
from contracts.wire.topics import DOSSIER_EVENTS
from deploy.local.fakes.oidc.tokens import rotate, token
from deploy.local.stack.city import City
from services.runtime import EventProducer, Settings, enact
from services.runtime.kafka.producer import partition_of
from tests.support.event import acting, event
from tests.support.eventually import eventually
from tests.support.office import CENTRE, WARD_HEAD, WARD_UNIT, Office

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def code(office: Office) -> str:
    """A dossier that a ward handles."""
    found = office.hand_in()
    office.agrees(found, "in_process")
    return found


def _attempts(code: str) -> list[tuple[str, str, str, Any]]:
    letter = {"reason": "the archive burnt", "due": "2030-01-01T00:00:00Z", "by": WARD_HEAD}
    return [
        ("intake", "GET", "/dossiers", None),
        ("intake", "GET", f"/dossiers/{code}", None),
        ("intake", "GET", f"/dossiers/{code}/receipt", None),
        (
            "intake",
            "POST",
            "/contacts/citizens/changes",
            {"citizen": "citizen-1", "email": "stranger@example.test"},
        ),
        ("intake", "POST", "/contacts/citizens/proofs", {}),
        ("intake", "POST", "/contacts/me/changes", {"email": "stranger@example.test"}),
        ("intake", "POST", "/contacts/me/proofs", {}),
        ("intake", "PUT", "/contacts/staff/cb-29-0004", {"email": "stranger@example.test"}),
        ("routing", "POST", f"/dossiers/{code}/step-completion", {"step": "receive-check"}),
        ("routing", "POST", f"/dossiers/{code}/stop", {"reason": "x", "by": WARD_HEAD}),
        ("sla", "POST", f"/dossiers/{code}/apology", letter),
        ("sla", "GET", "/figures/dossiers?period=2024-03&measure=received", None),
        ("notify", "GET", f"/dossiers/{code}", None),
    ]


def test_a_stranger_gets_nowhere_with_no_token_and_with_a_made_up_one(
    office: Office, code: str
) -> None:
    for service, method, path, body in _attempts(code):
        for headers in ({}, {"Authorization": "Bearer e30.e30.e30"}):
            url = office.url(service, path)
            answer = httpx.request(method, url, json=body, headers=headers, timeout=20)
            assert answer.status_code == 401, (method, path, answer.text)
            assert answer.headers["www-authenticate"].startswith("Bearer ")
            assert WARD_HEAD not in answer.text
    assert office.view("routing", code)["open_step"] == "receive-check"


def test_an_officer_of_another_unit_is_refused_and_not_told_whose_name_to_use(
    office: Office, code: str
) -> None:
    lead = office.open_step(code)["lead"]
    step = {"step": "receive-check", "by": "cb-29-0004"}
    refused = office.post("routing", f"/dossiers/{code}/step-completion", step)
    assert (refused.status_code, refused.json()["type"]) == (
        403,
        "urn:motcua:problem:not-the-lead",
    )
    assert lead not in refused.text
    assert WARD_HEAD not in refused.text
    letter = {"reason": "r", "by": "cb-29-0003"}
    unsigned = office.post("sla", f"/dossiers/{code}/apology", letter)
    assert (unsigned.status_code, unsigned.json()["type"]) == (
        403,
        "urn:motcua:problem:not-the-head",
    )
    assert WARD_HEAD not in unsigned.text
    listed = office.get("intake", "/dossiers", who="cb-29-0004", agency=WARD_UNIT)
    assert listed.status_code == 403
    own = office.get("intake", "/dossiers", who="cb-29-0004", agency=CENTRE)
    assert own.status_code == 200


def test_a_name_in_the_body_makes_nobody_of_it(office: Office, code: str) -> None:
    lead = office.open_step(code)["lead"]
    answer = httpx.post(
        office.url("routing", f"/dossiers/{code}/step-completion"),
        json={"step": "receive-check", "by": lead},
        headers=office.signed_in.header("cb-29-0004"),
        timeout=20,
    )
    assert answer.status_code == 403


@pytest.fixture
def sign_in_required(office: Office, code: str, settings: Settings) -> None:
    """The city enacts that somebody vouches for whoever asks."""
    files = dict(sample_rules().files)
    said = files["rules.toml"]
    files["rules.toml"] = said.replace("required = false", "required = true")
    assert files["rules.toml"] != said
    done = asyncio.run(enact(settings, files, datetime.now(UTC), "cb-0007"))
    partition = partition_of(code.encode(), tuple(range(settings.partitions)))
    labels = {"service": "routing", "topic": DOSSIER_EVENTS, "partition": str(partition)}

    def known() -> bool:
        return office.metric("routing", "motcua_rules_number", **labels) >= done.number

    eventually(known, what=f"set {done.number} at routing")


@pytest.mark.usefixtures("sign_in_required")
def test_what_is_put_on_the_log_past_the_door_is_refused_by_its_owner(
    office: Office, code: str, settings: Settings
) -> None:
    lead = office.open_step(code)["lead"]
    data = routing.StepCompletionRequested(step="receive-check")
    forged = replace(event(data, datetime.now(UTC), code, by=lead), fingerprint="forged")
    assert forged.actor == acting(lead)

    async def publish() -> None:
        producer = EventProducer(settings.kafka)
        await producer.start()
        await producer.publish([forged])
        await producer.stop()

    asyncio.run(publish())

    def answer() -> str:
        told = office.get("routing", f"/dossiers/{code}/requests/{forged.id}").json()["type"]
        return "" if told == "urn:motcua:problem:not-answered" else str(told)

    assert eventually(answer, what="the refusal") == "urn:motcua:problem:not-signed-in"


def test_a_real_sign_in_goes_on_over_a_rotation_of_the_providers_keys(
    city: City, office: Office, code: str
) -> None:
    issuer = city.endpoints.oidc
    url = office.url("intake", f"/dossiers/{code}")

    def reads(bearer: str) -> int:
        headers = {"Authorization": f"Bearer {bearer}"}
        return httpx.get(url, headers=headers, timeout=20).status_code

    before = token(issuer, [Role.AUDITOR], "cb-audit")
    assert reads(before) == 200
    assert reads(token(issuer, [Role.AUDITOR], "cb-audit", audience="another")) == 401
    assert reads(token(issuer, [Role.AUDITOR], "cb-audit", lifetime=-3600)) == 401
    rotate(issuer)
    after = token(issuer, [Role.AUDITOR], "cb-audit")
    # A service asks for keys that it does not know at most every thirty seconds.
    eventually(lambda: reads(after) == 200, timeout=60, what="the new key")
    assert reads(before) == 200
