"""On a running city, nothing is shown or changed that the audit does not tell of."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from contracts.wire.codec import encode
from contracts.wire.topics import DOSSIER_EVENTS, PAGE
from deploy.local.stack.city import PROCESSES, City
from services.runtime.audit.chain_keys import audit_secrets
from services.runtime.audit.kinds import AuditKind
from services.runtime.audit.link import Link, read_link
from services.shared.lookup_key import LookupKeys
from tests.integration.audit.conftest import Log
from tests.support.eventually import eventually
from tests.support.forged import forged, write
from tests.support.fork_server import fork
from tests.support.office import CENTRE, OFFICER, Office
from tests.support.signed_in import AUDITOR

pytestmark = [pytest.mark.integration]

SECRET = "1:" + "5a" * 32
KEYS = audit_secrets(SECRET)


def calls(office: Office, who: str) -> dict[str, str]:
    """The headers of a call of somebody, through the city's proxy."""
    return {**office.signed_in.header(who), "X-Forwarded-For": "192.0.2.44"}


@pytest.fixture(scope="module")
def city(own_log: Log, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with City(
        own_log.stack.endpoints(),
        tmp_path_factory.mktemp("city"),
        launch=fork,
        clock="wall",
        partitions=1,
        lookup_secrets="1:tests",
        trusted_proxies=1,
        answer_timeout=2.0,
        guesses_by_code=2,
        batch_gap_ms=10,
    ) as city:
        for service in PROCESSES:
            city.start(service, audit_key=KEYS.current(service).text())
        city.wait_ready()
        yield city


@pytest.fixture(scope="module")
def office(city: City) -> Iterator[Office]:
    office = Office(city)
    yield office
    office.close()


@pytest.fixture(scope="module")
def code(office: Office) -> str:
    """A dossier that was handed in, known everywhere."""
    code = office.hand_in()
    office.agrees(code, "in_process")
    return code


def told_of(log: Log, code: str) -> list[Link]:
    links = [read_link(record.value) for record in log.records()]
    return [link for link in links if link.dossier == code]


def keys_used(log: Log, code: str) -> list[AuditKind]:
    return [link.kind for link in told_of(log, code) if link.kind is AuditKind.KEY_USED]


def request_of(link: Link) -> tuple[str, str, int]:
    return str(link.kind), link.request, link.status


def test_a_reading_is_told_with_who_and_from_where(own_log: Log, office: Office, code: str) -> None:
    assert (
        httpx.get(
            office.url("sla", f"/dossiers/{code}"), headers=calls(office, AUDITOR)
        ).status_code
        == 200
    )
    link = told_of(own_log, code)[-1]
    assert request_of(link) == ("read", "GET /dossiers/{code}", 200)
    assert (link.service, link.who, link.roles) == ("sla", AUDITOR, ("auditor",))
    assert link.address == "192.0.2.44"
    assert link.key == 1


def test_a_change_is_told_before_it_is_asked_for_and_with_its_answer(
    own_log: Log, office: Office, code: str
) -> None:
    url = office.url("intake", f"/dossiers/{code}/withdrawal")
    body = {"reason": "secret words"}
    answer = httpx.post(url, json=body, headers=calls(office, OFFICER), timeout=30)
    assert answer.status_code == 200, answer.text
    refused = httpx.post(url, json=body, headers=calls(office, OFFICER), timeout=30)
    assert refused.status_code == 409
    asked, answered, again, no = told_of(own_log, code)[-4:]
    what = "POST /dossiers/{code}/withdrawal"
    assert request_of(asked) == ("asked", what, 0)
    assert request_of(answered) == ("answered", what, 200)
    assert asked.object == answered.object == answer.json()["request"]
    assert request_of(again) == ("asked", what, 0)
    assert request_of(no) == ("answered", what, 409)
    assert no.reason == refused.json()["type"].rpartition(":")[2]
    assert {link.who for link in (asked, answered, again, no)} == {OFFICER}
    assert {link.unit for link in (asked, answered, again, no)} == {CENTRE}


def test_a_dossier_that_is_handed_in_is_told_by_the_code_that_it_got(
    own_log: Log, office: Office
) -> None:
    code = office.hand_in()
    assert [request_of(link) for link in told_of(own_log, code)[:2]] == [
        ("asked", "POST /dossiers", 0),
        ("answered", "POST /dossiers", 201),
    ]


def test_who_is_not_let_in_is_told_and_what_was_forged_is_called_so(
    own_log: Log, office: Office, code: str
) -> None:
    url = office.url("sla", f"/dossiers/{code}")
    good = office.signed_in.header(AUDITOR)["Authorization"]
    head, body, _ = good.split(".")
    other = office.signed_in.header(OFFICER)["Authorization"].split(".")[2]
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, headers={"Authorization": f"{head}.{body}.{other}"}).status_code == 401
    stop = office.url("routing", f"/dossiers/{code}/stop")
    forbidden = httpx.post(stop, json={"reason": "r"}, headers=calls(office, AUDITOR))
    assert forbidden.status_code == 403

    def told() -> set[tuple[str, int, str]]:
        return {(str(link.kind), link.status, link.who) for link in told_of(own_log, code)}

    expected = {
        ("sign-in-refused", 401, ""),
        ("forged-token", 401, ""),
        ("not-permitted", 403, AUDITOR),
    }
    eventually(lambda: expected <= told(), what="the refusals")
    for service, kind in (("sla", "forged-token"), ("routing", "not-permitted")):
        assert office.metric(service, "motcua_security_events_total", kind=kind) >= 1


def test_a_key_that_opens_a_page_and_one_that_does_not_are_told_without_the_key(
    own_log: Log, office: Office, code: str
) -> None:
    key = LookupKeys({1: "tests"}).key(code)
    page = office.url(PAGE, f"/status/{code}")
    headers = {"X-Forwarded-For": "2001:db8:1:2:3:4:5:6"}
    assert httpx.get(page, params={"key": key}, headers=headers).status_code == 200
    wrong = [httpx.get(page, params={"key": "WRONG"}, headers=headers) for _ in range(6)]
    assert {each.status_code for each in wrong} == {404, 429}

    def told() -> set[tuple[str, str]]:
        found = [link for link in told_of(own_log, code) if link.request == "status page"]
        return {(str(link.kind), link.address) for link in found}

    site = "2001:db8:1:2::/64"
    expected = {("key-used", site), ("key-refused", site), ("guessing", site)}
    eventually(lambda: told() == expected)
    everything = b"".join(record.value for record in own_log.records())
    assert key.encode() not in everything
    assert b"WRONG" not in everything
    assert b"secret words" not in everything


def test_what_people_type_into_an_address_is_not_kept(own_log: Log, office: Office) -> None:
    httpx.get(office.url(PAGE, "/status/0912345678"), params={"key": "X"})
    httpx.get(office.url("sla", "/dossiers/079123456789"))
    httpx.post(
        office.url("intake", "/contacts/citizens/changes"),
        json={"citizen": "079123456789", "email": "lan@example.vn"},
        headers=calls(office, OFFICER),
    ).raise_for_status()
    links = [read_link(record.value) for record in own_log.records()]
    changes = [link for link in links if link.request == "POST /contacts/citizens/changes"]
    assert [request_of(link)[::2] for link in changes] == [("asked", 0), ("answered", 201)]
    everything = b"".join(record.value for record in own_log.records())
    for typed in (b"0912345678", b"079123456789", b"lan@example.vn"):
        assert typed not in everything


def test_what_is_the_same_for_everyone_is_not_told(own_log: Log, office: Office) -> None:
    before = len(own_log.records())
    for path in ("/procedures", "/health/ready", "/metrics", "/nowhere"):
        office.get("intake", path) if path != "/nowhere" else httpx.get(office.url("intake", path))
    office.get(PAGE, "/")
    assert len(own_log.records()) == before


def test_a_fact_that_its_owner_did_not_decide_is_told(own_log: Log, code: str) -> None:
    event = forged("DossierStopped", code)
    write(own_log.settings.kafka, DOSSIER_EVENTS, [encode(event)])
    foreign = AuditKind.FOREIGN_FACT

    def told() -> list[Link]:
        return [link for link in told_of(own_log, code) if link.kind is foreign]

    link = eventually(told, what="the foreign fact")[0]
    assert (link.service, link.request) == ("routing", event.type)
    assert link.reason == "undecided"
    assert link.object.startswith(DOSSIER_EVENTS)


def test_without_the_log_only_a_citizen_s_page_is_shown_and_afterwards_the_chains_are_whole(
    own_log: Log, city: City, office: Office, code: str
) -> None:
    sla = office.url("sla", f"/dossiers/{code}")
    page = office.url(PAGE, f"/status/{code}")
    key = {"key": LookupKeys({1: "tests"}).key(code)}
    opened = [AuditKind.KEY_USED] * (1 + len(keys_used(own_log, code)))
    own_log.stack.kill("kafka")
    try:
        refused = httpx.get(sla, headers=calls(office, AUDITOR), timeout=30)
        assert refused.status_code == 503
        assert refused.json()["type"] == "urn:motcua:problem:audit-unavailable"
        assert code not in refused.text
        assert httpx.get(page, params=key, timeout=30).status_code == 200, "a citizen's own paper"
        assert office.get("intake", "/procedures").status_code == 200
        assert office.metric("sla", "motcua_audit_refused_total", service="sla") >= 1
    finally:
        own_log.stack.start("kafka")
    eventually(
        lambda: httpx.get(sla, headers=calls(office, AUDITOR), timeout=30).status_code == 200,
        timeout=90,
        what="an answer",
    )
    eventually(lambda: keys_used(own_log, code) == opened, what="what was opened meanwhile")
    city.wait_ready()
    city.stop()
    said = own_log.command("verify", env={"MOTCUA_AUDIT_SECRETS": SECRET}).stdout
    assert "of 5 chains, 0 of them without an end" in " ".join(said.split())
    assert said.endswith("all is as it was written\n")
    assert {link.kind for link in map(read_link, (r.value for r in own_log.records()))} >= {
        AuditKind.OPENED,
        AuditKind.CLOSED,
    }
