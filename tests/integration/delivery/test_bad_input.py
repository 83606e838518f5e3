"""Bad addresses, bad wording, bad receipts: each ends with its reason, and nothing else suffers."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

import contracts
import services
from contracts.events import notify
from contracts.events.notify import MessageChannel
from contracts.wire.envelope import derive_id
from deploy.local.fakes.gateway.part import SECRET
from deploy.local.stack.city import City
from deploy.local.stack.stack import Stack
from services.intake.contact import Contact
from services.runtime.kafka.producer import EventProducer
from services.runtime.kafka.topics import create_topics
from services.runtime.mongo.client import client
from services.runtime.settings import Settings
from services.shared.citizen_keys import CitizenKeys
from services.shared.master_keys import KeySettings, master_keys
from tests.support.eventually import eventually
from tests.support.gateways import GatewayProcess, free_port
from tests.support.older_contacts import older_contact
from tests.support.post import CITIZEN, Post, code_of, metric, started
from tests.support.receivers import Caller, MailServer, Receiver
from tests.support.signed_in import AUDITOR, SignedIn

pytestmark = pytest.mark.integration

BOUNCES, NO_PHONE = "citizen-whose-mailbox-is-gone", "citizen-whose-phone-is-none"
INSIDE = {
    "citizen-of-this-machine": "https://127.0.0.1:{port}/hook",
    "citizen-of-a-name-for-it": "https://localhost:{port}/hook",
    "citizen-of-a-cloud": "https://169.254.169.254/latest/meta-data",
}
"""Who wants to be told at an address that is not public."""
FULL = tuple(f"citizen-whose-mailbox-is-full-{number}" for number in range(8))
HOLE, BUSINESS = "business-whose-receiver-says-nothing", "business-whose-receiver-works"


@pytest.fixture(scope="module")
def inner() -> Iterator[socket.socket]:
    """A server of this machine's own, which whoever calls it would have to wait for."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.fixture(scope="module")
def hole() -> Iterator[socket.socket]:
    """A receiver of webhooks that takes every call and answers none."""
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as server:
        server.setblocking(False)
        yield server


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def post(
    tmp_path_factory: pytest.TempPathFactory,
    inner: socket.socket,
    hole: socket.socket,
    receiver: Receiver,
) -> Iterator[Post]:
    """A stack of these tests' own: their notify belongs to no city."""
    stack = Stack(tmp_path_factory.mktemp("bad"), "bad", die_with_parent=True, kafka_heap_mb=256)
    found = Post(stack.up(), tmp_path_factory.mktemp("cities"))
    asyncio.run(create_topics(found.settings))
    outside = {HOLE: hole.getsockname()[1], BUSINESS: receiver.server_port}
    asyncio.run(_contacts(found.settings, inner.getsockname()[1], outside))
    yield found
    found.close()
    stack.reset()


async def _contacts(settings: Settings, inner_port: int, outside: Mapping[str, int]) -> None:
    mongo = client(settings.mongo)
    producer = EventProducer(settings.kafka)
    keys = CitizenKeys(mongo, master_keys(KeySettings()))
    now = datetime.now(UTC)
    told = {
        CITIZEN: Contact(email="citizen@example.test", phone="0903 123 456"),
        BOUNCES: Contact(email="gone@example.test", phone="0903 123 457"),
        # As intake took it in once.
        NO_PHONE: Contact.model_construct(phone="0100 000 000"),
        **{
            who: Contact(webhook=url.format(port=inner_port), webhook_secret=SECRET)
            for who, url in INSIDE.items()
        },
        **{
            who: Contact(webhook=f"http://127.0.0.1:{port}/hook", webhook_secret=SECRET)
            for who, port in outside.items()
        },
        **{who: Contact(email=f"{who}@example.test") for who in FULL},
    }
    for who, contact in told.items():
        await producer.publish([await older_contact(keys, who, contact, now)])
    await producer.stop()
    mongo.close()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path / "gateway") as found:
        yield found


# -- addresses ------------------------------------------------------------------------------


def test_a_mailbox_that_is_not_there_ends_its_message_at_the_first_try_and_no_other(
    post: Post,
) -> None:
    with MailServer() as mail, post.city(smtp_host="127.0.0.1", smtp_port=mail.port) as city:
        instance = started(city)
        post.plan("gone", 3, recipient=BOUNCES, channel=MessageChannel.EMAIL)
        post.plan("mail", 5, channel=MessageChannel.EMAIL)
        bounced = post.ended("gone", 3)
        assert {(d.not_sent, d.detail) for d in bounced} == {
            ("rejected", "the address was refused: 550")
        }
        assert {(d.not_sent, d.provider) for d in post.ended("mail", 5)} == {(None, "smtp")}
        # Each was tried once, and a mailbox that is gone says nothing of the server.
        assert mail.asked == {"gone@example.test": 3, "citizen@example.test": 5}
        assert mail.taken == {"citizen@example.test": 5}
        assert metric(instance, "motcua_message_retries_total") == 0
        assert metric(instance, 'motcua_provider_failing{provider="smtp"}') == 0


def test_mailboxes_that_are_full_keep_the_server_s_mail_from_nobody_else(post: Post) -> None:
    with MailServer() as mail, post.city(smtp_host="127.0.0.1", smtp_port=mail.port) as city:
        instance = started(city)
        for number, who in enumerate(FULL):
            post.plan(f"full{number}", recipient=who, channel=MessageChannel.EMAIL)
        deferred = 'motcua_provider_calls_total{outcome="deferred",provider="smtp"}'
        eventually(lambda: metric(instance, deferred) >= len(FULL), what="a try of each")
        assert metric(instance, 'motcua_provider_failing{provider="smtp"}') == 0
        post.plan("beside", 20, channel=MessageChannel.EMAIL)
        assert {d.not_sent for d in post.ended("beside", 20)} == {None}
        assert mail.taken == {"citizen@example.test": 20}
        assert all(
            d.ended_at is None for n in range(len(FULL)) for d in post.deliveries(f"full{n}")
        )


def test_a_receiver_that_says_nothing_takes_no_other_s_place(
    post: Post, hole: socket.socket, receiver: Receiver
) -> None:
    with post.city(webhook_private=True) as city:
        started(city)
        post.plan("hole", 300, recipient=HOLE, channel=MessageChannel.WEBHOOK)
        calls = [eventually(lambda: _called(hole), what="the first call")]
        ids = post.plan("works", 40, recipient=BUSINESS, channel=MessageChannel.WEBHOOK)
        assert {d.not_sent for d in post.ended("works", 40)} == {None}
        assert receiver.told == dict.fromkeys(ids, 1)
        while (call := _called(hole)) is not None:
            calls.append(call)
        assert len(calls) < 32, "of all that may be called at a time, it has a few"
        for call in calls:
            call.close()


def _called(server: socket.socket) -> socket.socket | None:
    try:
        return server.accept()[0]
    except BlockingIOError:
        return None


def test_a_number_that_is_none_and_a_channel_without_a_provider_say_so(
    post: Post, gateway: GatewayProcess
) -> None:
    with post.city(gateway, zalo_url=None) as city:
        started(city)
        post.plan("nonum", recipient=NO_PHONE)
        post.plan("nozalo", channel=MessageChannel.ZALO)
        (good,) = post.plan("goodnum")
        ends = {
            mark: (d.not_sent, d.detail)
            for mark in ("nonum", "nozalo", "goodnum")
            for d in post.ended(mark)
        }
        assert ends == {
            "nonum": ("rejected", "it is no Vietnamese mobile number"),
            "nozalo": ("rejected", "no provider is set up for zalo"),
            "goodnum": (None, None),
        }
        assert gateway.counts() == {good: 1}


def test_a_webhook_that_leads_inside_is_never_called(
    post: Post, gateway: GatewayProcess, inner: socket.socket
) -> None:
    with post.city(gateway) as city:
        started(city)
        marks = {f"hook{number}": who for number, who in enumerate(INSIDE)}
        for mark, who in marks.items():
            post.plan(mark, recipient=who, channel=MessageChannel.WEBHOOK)
        post.plan("outside")
        for mark in marks:
            (found,) = post.ended(mark)
            assert (found.not_sent, found.detail) == ("rejected", "the address is not public")
        assert post.ended("outside")[0].provider == "sms"
        with pytest.raises(BlockingIOError):
            inner.accept()  # nobody is waiting there


# -- wording --------------------------------------------------------------------------------


def test_a_message_that_cannot_be_worded_says_why_in_the_end_and_holds_up_no_other(
    post: Post, gateway: GatewayProcess
) -> None:
    with post.city(gateway) as city:
        started(city)
        soon = datetime.now(UTC) + timedelta(seconds=3)
        post.plan("broken", 20, template="digest", params={"items": "{"}, expires_at=soon)
        post.plan("strange", template="no-such-template", expires_at=soon)
        ids = post.plan("worded", 20)
        post.ended("worded", 20)
        assert gateway.counts() == dict.fromkeys(ids, 1)
        broken, strange = post.ended("broken", 20), post.ended("strange")
        assert {d.not_sent for d in (*broken, *strange)} == {"expired"}
        assert all("DecodeError" in (d.detail or "") for d in broken)
        assert "there is no template 'no-such-template' in vi.toml" in (strange[0].detail or "")
        assert gateway.counts() == dict.fromkeys(ids, 1)


@pytest.mark.parametrize(
    ("file", "text", "wrong", "says"),
    [
        (
            "wording/templates/en.toml",
            "{{ new_due }}",
            "{{ next_due }}",
            "en.toml [overdue] body: no field next_due; there are again, alert, amount, apologised",
        ),
        (
            "wording/templates/en.toml",
            "{{ item.at }}",
            "{{ item.time }}",
            "en.toml [digest] body: no field time; there are at, text",
        ),
        (
            "page/text/texts/vi.toml",
            "{{ minutes }}",
            "{{ hours }}",
            "vi.toml: trouble.too-many-more: no field hours; there are address, amount",
        ),
    ],
    ids=["message", "item", "page"],
)
def test_a_service_whose_wording_names_an_unknown_field_does_not_start_and_names_it(
    post: Post, tmp_path: Path, file: str, text: str, wrong: str, says: str
) -> None:
    module = "services.notify.page" if file.startswith("page/") else "services.notify"
    for package in (contracts, services):
        folder = Path(str(package.__file__)).parent
        shutil.copytree(folder, tmp_path / folder.name, ignore=shutil.ignore_patterns("*.pyc"))
    changed = tmp_path / "services" / "notify" / file
    words = changed.read_text(encoding="utf-8")
    changed.write_text(words.replace(text, wrong, 1), encoding="utf-8")
    environment = post.city().environment(port=free_port())
    ended = subprocess.run(
        [sys.executable, "-m", module],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": os.fspath(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode != 0
    assert says in ended.stderr + ended.stdout, ended.stderr[-3000:]


@pytest.fixture
def receipts(post: Post, gateway: GatewayProcess) -> Iterator[tuple[City, Caller]]:
    """A notify whose gateway loses all receipts, so that those of the test are all there are."""
    gateway.behaves(lose_receipt_rate=1.0)
    with post.city(gateway) as city:
        yield city, Caller(started(city))


def test_a_receipt_with_a_wrong_signature_or_of_long_ago_changes_nothing(
    post: Post, receipts: tuple[City, Caller]
) -> None:
    _, caller = receipts
    (message_id,) = post.plan("forged")
    post.ended("forged")
    body = caller.says("forged")
    assert caller.send(body, secret="whsec_" + "A" * 32) == 401
    assert caller.send(body, age=301) == 401
    assert caller.post(caller.says("forged", status="failed"), caller.headers(body)) == 401
    assert caller.post(body, {}) == 401
    assert [type(e.data).__name__ for e in post.facts([message_id])] == [
        "MessagePlanned",
        "MessageSent",
    ]


def test_a_receipt_that_is_repeated_byte_for_byte_is_one_event(
    post: Post, receipts: tuple[City, Caller]
) -> None:
    _, caller = receipts
    (message_id,) = post.plan("again")
    post.ended("again")
    body = caller.says("again")
    headers = caller.headers(body)
    assert {caller.post(body, headers) for _ in range(3)} == {204}
    heard = [e for e in post.facts([message_id]) if isinstance(e.data, notify.MessageDelivered)]
    assert len({e.id for e in heard}) == 1


def test_what_was_delivered_is_not_undone_by_what_comes_out_of_order(
    post: Post, receipts: tuple[City, Caller]
) -> None:
    _, caller = receipts
    assert caller.send(caller.says("order")) == 204, "before the message was even planned"
    post.plan("order")
    post.ended("order")
    assert caller.send(caller.says("order", status="sent", id="late")) == 422
    assert caller.send(caller.says("order", status="failed", id="late", reason="off")) == 204
    # Once a later receipt about the same dossier is folded, all that came before it is, too.
    last = f"{code_of('order', 0)}:{derive_id('message', 'last', 0)}"
    assert caller.send(caller.says("order", reference=last)) == 204
    eventually(lambda: len(post.deliveries("order")) == 2, what="the last receipt")
    (found,) = post.ended("order")
    assert (found.receipt, found.not_sent, found.provider) == ("delivered", None, "sms")


def test_a_receipt_for_a_message_that_nobody_planned_is_taken_and_sends_nothing(
    post: Post, receipts: tuple[City, Caller], gateway: GatewayProcess
) -> None:
    city, caller = receipts
    assert caller.send(caller.says("nobody")) == 204
    (good,) = post.plan("somebody")
    post.ended("somebody")
    assert gateway.counts() == {good: 1}
    (kept,) = eventually(lambda: post.deliveries("nobody"), what="the receipt")
    assert (kept.pending, kept.receipt) == (False, "delivered")
    signed = SignedIn(city.endpoints.oidc).header(AUDITOR)
    where = f"{city.of('notify').url}/dossiers/{code_of('nobody', 0)}"
    unknown = httpx.get(where, headers=signed, timeout=10)
    assert unknown.status_code == 404


def test_a_receipt_of_ten_megabytes_is_not_read_whether_its_size_is_announced_or_not(
    post: Post, receipts: tuple[City, Caller]
) -> None:
    _, caller = receipts
    body = caller.says("large", reason="x" * 10_000_000)
    headers = caller.headers(body)

    def pieces() -> Iterator[bytes]:
        for at in range(0, len(body), 65_536):
            yield body[at : at + 65_536]

    assert caller.post(body, headers) == 413
    assert caller.post(pieces(), headers) == 413
    (message_id,) = post.plan("large")
    post.ended("large")
    assert caller.send(caller.says("large")) == 204
    assert len(post.facts([message_id])) == 3
