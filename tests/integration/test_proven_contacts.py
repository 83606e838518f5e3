"""Contact data belongs to whoever proves it: over HTTP, with real mail, and with kills."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from contracts.wire.topics import CITIZEN_CONTACTS, DOSSIER_EVENTS, NOTIFICATION_EVENTS
from deploy.local.fakes.smtp.accepted import AcceptedMail, read_accepted_mails
from deploy.local.stack.city import City
from deploy.local.stack.endpoints import Endpoints
from services.runtime.settings import Settings
from tests.support.eventually import eventually
from tests.support.fork_server import fork
from tests.support.office import OFFICER, Office, filing
from tests.support.post import killed
from tests.support.secured import mongo_client
from tests.support.signed_in import AUDITOR, OPERATOR
from tests.support.stage import read_topic

pytestmark = pytest.mark.integration

ME = "cb-29-0015"


@pytest.fixture(scope="module")
def hall(
    endpoints: Endpoints, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[City]:
    """A city that tells people things by mail, at night too."""
    with City(
        endpoints,
        tmp_path_factory.mktemp("hall"),
        launch=fork,
        clock="wall",
        partitions=settings.partitions,
        session_timeout_ms=settings.session_timeout_ms,
        channels="email",
        quiet_from="00:00",
        quiet_until="00:00",
        batch_gap_ms=10,
    ) as found:
        found.start_all()
        yield found


@pytest.fixture(scope="module")
def desk(hall: City) -> Iterator[Office]:
    """The city over HTTP."""
    office = Office(hall)
    yield office
    office.close()


class Mailbox:
    """What came to an address."""

    def __init__(self, city: City, address: str) -> None:
        self.address = address
        self._city = city

    def mails(self) -> list[AcceptedMail]:
        ledger = self._city.endpoints.smtp_ledger
        return [mail for mail in read_accepted_mails(ledger) if self.address in mail.rcpt_to]

    def subjects(self) -> list[str]:
        return [mail.subject for mail in self.mails()]

    def waits(self, subject: str, count: int = 1) -> None:
        eventually(
            lambda: sum(subject in told for told in self.subjects()) >= count,
            what=f"{subject} at {self.address}",
        )

    def codes(self) -> list[str]:
        """The one-time codes that came here, in order."""
        found = [re.search(r"\b\d{8}\b", _text(mail)) for mail in self.mails()]
        return [match[0] for match in found if match is not None]

    def code(self) -> str:
        """The one code that came here."""
        return eventually(self.codes, what=f"a code at {self.address}")[-1]


def _text(mail: AcceptedMail) -> str:
    body = mail.parsed().get_body()
    assert body is not None
    text: str = body.get_content()
    return text


CODE, ASKED, CHANGED = "Mã xác nhận", "Có yêu cầu thay đổi", "đã thay đổi"


def files(desk: Office, citizen: str, email: str | None) -> str:
    """A dossier's code, handed in for that citizen with that address."""
    body: dict[str, Any] = {"filing": filing(citizen=citizen), "by": OFFICER}
    if email is not None:
        body["contact"] = {"email": email}
    answer = desk.post("intake", "/dossiers", body)
    assert answer.status_code == 201, answer.text
    code: str = answer.json()["code"]
    return code


def asks(desk: Office, citizen: str, email: str) -> str:
    """The change that was asked for."""
    body = {"citizen": citizen, "email": email}
    answer = desk.post("intake", "/contacts/citizens/changes", body)
    assert answer.status_code == 201, answer.text
    change: str = answer.json()["change"]
    return change


def enters(desk: Office, citizen: str, change: str, code: str) -> httpx.Response:
    body = {"citizen": citizen, "change": change, "code": code}
    return desk.post("intake", "/contacts/citizens/proofs", body)


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**8:08}"


def test_a_stranger_replaces_nobody_s_address_by_filing_or_by_asking(
    hall: City, desk: Office
) -> None:
    who = "cd-story"
    left, own, evil = (Mailbox(hall, f"{name}@story.test") for name in ("left", "own", "evil"))
    files(desk, who, left.address)
    left.waits("đã được tiếp nhận")

    change = asks(desk, who, own.address)
    code = own.code()
    refused = enters(desk, who, change, other_than(code))
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:motcua:problem:code-wrong")
    assert enters(desk, who, change, f"{code[:4]} {code[4:]}").status_code == 204
    again = enters(desk, who, change, code)
    assert again.json()["type"] == "urn:motcua:problem:unknown-change"

    # What the stranger does: files for the citizen, and asks for a change.
    files(desk, who, evil.address)
    own.waits("đã được tiếp nhận")
    asks(desk, who, evil.address)
    own.waits(ASKED)
    evil.waits(CODE)
    files(desk, who, None)
    own.waits("đã được tiếp nhận", 2)
    assert [CODE in subject for subject in evil.subjects()] == [True]
    assert not any(CHANGED in subject for subject in own.subjects())


def test_the_old_address_is_told_what_was_asked_for_and_what_was_done(
    hall: City, desk: Office
) -> None:
    who = "cd-moves"
    old, new = Mailbox(hall, "old@moves.test"), Mailbox(hall, "new@moves.test")
    assert enters(desk, who, asks(desk, who, old.address), old.code()).status_code == 204
    change = asks(desk, who, new.address)
    old.waits(ASKED)
    assert not any(CHANGED in subject for subject in old.subjects())
    # Another code within the minute is refused, and the first one stays good.
    body = {"citizen": who, "email": new.address}
    soon = desk.post("intake", "/contacts/citizens/changes", body)
    assert (soon.status_code, soon.json()["type"]) == (409, "urn:motcua:problem:asked-too-often")
    assert enters(desk, who, change, new.code()).status_code == 204
    old.waits(CHANGED)
    files(desk, who, None)
    new.waits("đã được tiếp nhận")
    assert [ASKED in subject or CHANGED in subject for subject in old.subjects()] == [
        False,
        True,
        True,
    ]
    assert len(new.codes()) == 1


def test_what_is_done_with_an_officer_s_number_as_a_citizen_s_does_not_reach_the_officer(
    hall: City, desk: Office
) -> None:
    mine, evil = Mailbox(hall, "mine@staff.test"), Mailbox(hall, "evil@staff.test")
    asked = desk.post("intake", "/contacts/me/changes", {"email": mine.address}, who=ME)
    assert asked.status_code == 201, asked.text
    code = mine.code()
    body = {"change": asked.json()["change"], "code": code}
    # The same change, as that of the citizen with the officer's number.
    wrong = enters(desk, ME, asked.json()["change"], code)
    assert wrong.json()["type"] == "urn:motcua:problem:unknown-change"
    done = desk.post("intake", "/contacts/me/proofs", body, who=ME)
    assert done.status_code == 204, done.text

    for who, status in ((OFFICER, 403), (AUDITOR, 403), (OPERATOR, 204)):
        where, told = desk.url("intake", f"/contacts/staff/{ME}"), {"email": evil.address}
        answer = httpx.put(where, json=told, headers=desk.signed_in.header(who))
        assert answer.status_code == status, who
    files(desk, ME, evil.address)
    evil.waits("đã được tiếp nhận")
    change = asks(desk, ME, evil.address)
    assert enters(desk, ME, change, evil.code()).status_code == 204
    mongo = mongo_client(hall.endpoints.mongo)
    contacts = mongo["motcua_notify"]["contacts"]
    eventually(
        lambda: contacts.find_one({"_id": f"citizen:{ME}", "state.proven.email": {"$exists": True}})
    )
    officer = contacts.find_one({"_id": f"staff:{ME}"})
    mongo.close()
    assert officer is not None
    assert list(officer["state"]["changes"]) == [asked.json()["change"]]
    assert mine.subjects() == ["Mã xác nhận nơi nhận thông báo"]


@pytest.mark.parametrize("at", ["message-picked", "message-accepted"])
def test_a_kill_before_the_code_is_sent_or_told_of_sends_the_same_code(
    hall: City, desk: Office, at: str
) -> None:
    who, box = f"cd-{at}", Mailbox(hall, f"{at}@kill.test")
    hall.kill(hall.of("notify"))
    doomed = hall.start("notify", stop_at=f"{at}:1")
    change = asks(desk, who, box.address)
    killed(hall, doomed)
    assert len(box.codes()) == (at == "message-accepted")
    hall.start("notify")
    hall.wait_ready()
    eventually(lambda: len(box.mails()) == 1 + (at == "message-accepted"), what="the code, again")
    assert len(set(box.codes())) == 1
    assert len({mail.message_id for mail in box.mails()}) == 1
    assert enters(desk, who, change, box.code()).status_code == 204


def test_neither_a_code_nor_an_identity_number_is_on_the_log_in_a_state_or_in_a_log_line(
    hall: City, desk: Office, settings: Settings
) -> None:
    number, spaced, box = "079203009876", "079 203 009 876", Mailbox(hall, "an@number.test")
    code = files(desk, number, "left@number.test")
    change = asks(desk, spaced, box.address)
    one_time = box.code()
    assert enters(desk, f"CCCD {number}", change, one_time).status_code == 204
    mongo = mongo_client(hall.endpoints.mongo)
    both = {"_id": {"$in": [code, files(desk, spaced, None)]}}
    box.waits("đã được tiếp nhận")
    (ref,) = mongo["motcua_notify"]["dossiers"].distinct("state.citizen", both)
    assert ref.startswith("ma-1-")

    records = [
        record
        for topic in (CITIZEN_CONTACTS, DOSSIER_EVENTS, NOTIFICATION_EVENTS)
        for record in asyncio.run(read_topic(settings.kafka, topic))
    ]
    kept = [
        repr(document)
        for name in mongo.list_database_names()
        if name.startswith("motcua")
        for collection in mongo[name].list_collection_names()
        for document in mongo[name][collection].find()
    ]
    mongo.close()
    lines = [path.read_text(errors="replace") for path in hall.folder.rglob("*.log")]
    metrics = [desk.get(s, "/metrics").text for s in ("intake", "routing", "sla", "notify")]
    said = "\n".join([*map(repr, records), *kept, *lines, *metrics])
    assert ref in said, "it is looked for where it would be"
    for secret in (number, spaced, one_time):
        assert secret not in said
