"""Mails that a server accepts and that bounce later: each ends with its reason, once."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from contracts.events import notify
from contracts.events.notify import MessageChannel
from contracts.wire.envelope import Event, derive_id
from deploy.local.fakes.gateway.part import SECRET
from deploy.local.fakes.smtp.accepted import AcceptedMail, accepted_now, read_accepted_mails
from deploy.local.fakes.smtp.bounces import report
from deploy.local.stack.city import City
from deploy.local.stack.stack import Stack
from services.intake.contact import Contact
from services.notify.channels.standard_webhooks import key_of, signed
from services.notify.delivery.delivery import Delivery
from services.runtime.kafka.producer import EventProducer
from services.runtime.kafka.topics import create_topics
from services.runtime.mongo.client import client
from services.runtime.settings import Settings
from services.shared.citizen_keys import CitizenKeys
from services.shared.master_keys import KeySettings, master_keys
from tests.support.eventually import eventually
from tests.support.gateways import free_port
from tests.support.older_contacts import older_contact
from tests.support.post import CITIZEN, Post, code_of, metric, started

pytestmark = [pytest.mark.integration, pytest.mark.slow]

BOUNCES = "citizen-whose-mail-bounces-later"
TO = "bounces-nguyen.van.an@example.test"
REASON = "5.1.1: <[address]>: there is no such mailbox"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of these tests' own: their notify belongs to no city."""
    folder = tmp_path_factory.mktemp("bounces")
    found = Stack(folder, "bounces", die_with_parent=True, kafka_heap_mb=256)
    found.up()
    yield found
    found.reset()


@pytest.fixture(scope="module")
def post(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    found = Post(stack.endpoints(), tmp_path_factory.mktemp("cities"))
    asyncio.run(create_topics(found.settings))
    asyncio.run(_contacts(found.settings))
    yield found
    found.close()


async def _contacts(settings: Settings) -> None:
    mongo = client(settings.mongo)
    producer = EventProducer(settings.kafka)
    keys = CitizenKeys(mongo, master_keys(KeySettings()))
    now = datetime.now(UTC)
    for who, email in ((BOUNCES, TO), (CITIZEN, "citizen@example.test")):
        await producer.publish([await older_contact(keys, who, Contact(email=email), now)])
    await producer.stop()
    mongo.close()


class MailServer:
    """Hands on what comes to the mailbox of the sender."""

    def __init__(self, city: City) -> None:
        self.url = f"{city.of('notify').url}/receipts/email"

    def post(self, mail: bytes, secret: str = SECRET, age: int = 0) -> httpx.Response:
        """What notify answers to a mail that was signed so many seconds ago."""
        headers = signed(key_of(secret), "bounce-1", int(time.time()) - age, mail)
        headers["Content-Type"] = "message/rfc822"
        return httpx.post(self.url, content=mail, headers=headers, timeout=60)

    def pipe(self, mail: bytes, to: str | None = None, secret: str = SECRET) -> int:
        """With what the command ends that a mail is piped into."""
        command = [sys.executable, "-m", "motcua", "message", "bounced", "--to", to or self.url]
        environment = {"MOTCUA_SMTP_SECRET": secret, "MOTCUA_TRIAL": "1"}
        return subprocess.run(command, input=mail, env=environment, check=False).returncode


def mail_of(mark: str) -> AcceptedMail:
    """The mail with that mark, as it would come to the server."""
    raw = f"X-Motcua-Reference: {ours(mark)}\r\n\r\n".encode()
    return accepted_now("mot-cua@example.test", [TO], raw)


def ours(mark: str) -> str:
    """Our reference of the message with that mark."""
    return f"{code_of(mark, 0)}:{derive_id('message', mark, 0)}"


def told(post: Post, message_id: str) -> list[Event]:
    """What the log says of the message in the end, each event once."""
    ends = notify.MessageDelivered | notify.MessageUndelivered
    found = {e.id: e for e in post.facts([message_id]) if isinstance(e.data, ends)}
    return list(found.values())


def receipt(post: Post, mark: str) -> Delivery:
    """The message with that mark once it has a receipt."""

    def look() -> list[Delivery]:
        return [d for d in post.deliveries(mark) if d.receipt]

    return eventually(look, what=f"a receipt of {mark}")[0]


@pytest.fixture
def server(post: Post) -> Iterator[MailServer]:
    """The mail server of a notify that is ready."""
    with post.city() as city:
        started(city)
        yield MailServer(city)


def test_an_address_that_bounces_after_it_was_accepted_ends_undelivered_with_its_reason_once(
    post: Post,
) -> None:
    with post.city() as city:
        instance = started(city)
        (message_id,) = post.plan("later", recipient=BOUNCES, channel=MessageChannel.EMAIL)
        post.plan("well", channel=MessageChannel.EMAIL)
        found = receipt(post, "later")
        (ended,) = post.ended("later")
        assert (ended.provider, ended.not_sent) == ("smtp", None)
        assert (found.receipt, found.detail) == ("undelivered", REASON)
        (event,) = told(post, message_id)
        assert event.data == notify.MessageUndelivered(
            message_id=message_id, provider="smtp", reason=REASON
        )
        assert event.subject == code_of("later", 0)
        (well,) = post.ended("well")
        assert (well.provider, well.receipt) == ("smtp", None)
        failed = 'motcua_receipts_total{provider="smtp",status="failed"}'
        assert metric(instance, failed) == 1
        assert metric(instance, 'motcua_messages_total{channel="email",outcome="sent"}') == 2
        arrived = [e for e in read_accepted_mails(post.endpoints.smtp_ledger) if TO in e.rcpt_to]
        assert [e.message_id for e in arrived] == [f"<{message_id}@motcua>"]
        assert "nguyen" not in instance.log.read_text()


def test_a_bounce_may_come_twice_and_before_our_own_record(post: Post, server: MailServer) -> None:
    mail = report(mail_of("early"), TO, None)
    assert [server.post(mail).status_code for _ in range(3)] == [204] * 3
    post.plan("early", channel=MessageChannel.EMAIL)
    (found,) = post.ended("early")
    assert (found.receipt, found.detail, found.provider) == ("undelivered", REASON, "smtp")
    assert server.post(mail).status_code == 204
    (event,) = told(post, derive_id("message", "early", 0))
    assert isinstance(event.data, notify.MessageUndelivered)


def test_what_is_late_or_went_on_says_nothing_and_what_arrived_has_arrived(
    post: Post, server: MailServer
) -> None:
    mail = report(mail_of("order"), TO, ours("order"))
    for action in (b"delayed", b"relayed", b"expanded"):
        late = mail.replace(b"Action: failed", b"Action: " + action)
        assert server.post(late).status_code == 204
    message_id = derive_id("message", "order", 0)
    assert told(post, message_id) == []
    arrived = mail.replace(b"Action: failed", b"Action: delivered")
    assert [server.post(each).status_code for each in (arrived, mail)] == [204, 204]
    last = report(mail_of("last"), TO, f"{code_of('order', 0)}:{derive_id('message', 'last', 0)}")
    assert server.post(last).status_code == 204
    eventually(lambda: len(post.deliveries("order")) == 2, what="the last receipt")
    (found,) = [d for d in post.deliveries("order") if d.detail is None]
    assert found.receipt == "delivered"
    assert len(told(post, message_id)) == 2


def test_a_forged_or_foreign_report_changes_nothing_and_says_why(
    post: Post, server: MailServer
) -> None:
    (message_id,) = post.plan("forged", channel=MessageChannel.EMAIL)
    post.ended("forged")
    mail = report(mail_of("forged"), TO, ours("forged"))
    foreign = report(accepted_now("a@b.test", [TO], b"Subject: x\r\n\r\n"), TO, "of another")
    answers = [
        server.post(mail, secret="whsec_" + "A" * 32),
        server.post(mail, age=301),
        httpx.post(server.url, content=mail, timeout=20),
        httpx.post(server.url.replace("email", "smtp"), content=mail, timeout=20),
        server.post(foreign),
        server.post(b"From: a@example.test\r\n\r\nThank you"),
        server.post(b'{"id": "1"}'),
        server.post(b""),
        server.post(mail + b"x" * 300_000),
    ]
    statuses = [401, 401, 401, 404, 422, 422, 422, 422, 413]
    assert [answer.status_code for answer in answers] == statuses
    kinds = [answer.json()["type"].rpartition(":")[2] for answer in answers[4:8]]
    assert kinds == ["unknown-reference", "no-receipt", "no-receipt", "no-receipt"]
    assert answers[4].json()["detail"] == "it is about no mail of ours"
    assert told(post, message_id) == []
    assert server.post(mail).status_code == 204
    assert len(told(post, message_id)) == 1


def test_the_command_hands_a_bounce_on_and_keeps_it_while_notify_or_its_log_is_away(
    post: Post, stack: Stack
) -> None:
    with post.city(answer_timeout=2) as city:
        started(city)
        server = MailServer(city)
        mail = report(mail_of("piped"), TO, ours("piped"))
        message_id = derive_id("message", "piped", 0)
        assert server.pipe(b"From: a@example.test\r\n\r\nThank you") == 0
        assert server.pipe(mail, secret="whsec_" + "A" * 32) == 75
        assert server.pipe(mail, to=f"http://127.0.0.1:{free_port()}/receipts/email") == 75
        assert told(post, message_id) == []
        stack.kill("kafka")
        assert server.pipe(mail) == 75
        stack.start("kafka")
        eventually(lambda: server.pipe(mail) == 0, timeout=60.0, what="notify's log")
        assert len(told(post, message_id)) == 1
