"""The local stack, on real processes: it serves, survives kills, harms nobody, leaves nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import smtplib
import socketserver
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from aiokafka.admin import NewTopic
from pymongo import MongoClient

from deploy.local.fakes.smtp.accepted import read_accepted_mails
from deploy.local.host.errors import PartDied, PortBusy
from deploy.local.host.ports import candidates, is_free
from deploy.local.host.process import Process, find, marker, wait_for_exit
from deploy.local.stack.endpoints import State
from deploy.local.stack.stack import PARTS, Stack
from services.runtime.kafka.clients import AIOKAFKA
from tests.support.paths import ROOT
from tests.support.secured import mongo_client

pytestmark = [pytest.mark.integration, pytest.mark.slow]

TOPIC = "letters"
HEAP_MB = 256


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkout")


@pytest.fixture(scope="module")
def running(root: Path) -> Iterator[Stack]:
    stack = Stack(root, "shared", die_with_parent=True, kafka_heap_mb=HEAP_MB)
    stack.up()
    asyncio.run(_create_topic(stack.endpoints().kafka))
    yield stack
    stack.reset()
    assert not _left(stack)
    assert not stack.folder.exists()


@pytest.fixture
def stack(running: Stack) -> Stack:
    running.up()  # the test before may have left a part killed
    return running


def _left(stack: Stack) -> list[Process]:
    return [
        process for part in (*PARTS, "watchdog") for process in find(marker(part, stack.folder))
    ]


def _pids(stack: Stack) -> dict[str, int | None]:
    return {status.part: status.pid for status in stack.status()}


async def _create_topic(kafka: str) -> None:
    admin = AIOKAFKA.admin(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, 1, 1)])
    await admin.close()


async def _produce(kafka: str, value: bytes) -> None:
    async with AIOKAFKA.producer(
        bootstrap_servers=kafka, acks="all", enable_idempotence=True
    ) as producer:
        await producer.send_and_wait(TOPIC, value)


async def _consume(kafka: str, until: bytes) -> list[bytes]:
    """All records of the topic by a new consumer group, up to and including `until`."""
    values: list[bytes] = []
    async with AIOKAFKA.consumer(
        TOPIC,
        bootstrap_servers=kafka,
        group_id=f"reader-{time.monotonic_ns()}",
        auto_offset_reset="earliest",
    ) as consumer:
        async with asyncio.timeout(15):
            while until not in values:
                values.append((await consumer.getone()).value)
    return values


def _insert(mongo: str, key: str) -> list[str]:
    """Insert a document in a transaction; the keys of all that are there."""
    client: MongoClient[dict[str, Any]] = mongo_client(mongo, serverSelectionTimeoutMS=5000)
    with client:
        dossiers = client["test"]["dossiers"]
        with client.start_session() as session, session.start_transaction():
            dossiers.insert_one({"_id": key}, session=session)
        return sorted(str(found["_id"]) for found in dossiers.find())


def _send(smtp: str, message_id: str, subject: str = "Xin lỗi vì trễ hẹn") -> None:
    host, port = smtp.split(":")
    message = EmailMessage()
    message["From"], message["To"] = "motcua@example.vn", "dan@example.vn"
    message["Subject"], message["Message-ID"] = subject, message_id
    message.set_content("Kính gửi ông/bà <script>alert(1)</script>")
    with smtplib.SMTP(host, int(port), timeout=10) as client:
        client.send_message(message)


@contextmanager
def _held(port: int) -> Iterator[None]:
    """A foreign server on the port, which hangs up on everybody."""
    server = socketserver.TCPServer(
        ("127.0.0.1", port), socketserver.BaseRequestHandler, bind_and_activate=False
    )
    server.allow_reuse_address = True
    with server:
        server.server_bind()
        server.server_activate()
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield
        server.shutdown()


def test_all_parts_serve_real_clients(stack: Stack) -> None:
    endpoints = stack.endpoints()
    asyncio.run(_produce(endpoints.kafka, b"first"))
    assert b"first" in asyncio.run(_consume(endpoints.kafka, b"first"))
    assert "first" in _insert(endpoints.mongo, "first")
    assert {status.state for status in stack.status()} == {State.RUNNING}


def test_a_second_up_changes_nothing(stack: Stack, root: Path) -> None:
    before = _pids(stack)
    assert Stack(root, "shared").up() == stack.endpoints()
    assert _pids(stack) == before


@pytest.mark.parametrize("part", PARTS)
def test_a_killed_part_is_back_on_the_same_address_with_its_data(stack: Stack, part: str) -> None:
    endpoints = stack.endpoints()
    record = f"before-{part}"
    asyncio.run(_produce(endpoints.kafka, record.encode()))
    _insert(endpoints.mongo, record)
    stack.kill(part)
    assert _pids(stack)[part] is None
    assert stack.up() == endpoints
    assert record.encode() in asyncio.run(_consume(endpoints.kafka, record.encode()))
    assert record in _insert(endpoints.mongo, f"after-{part}")


def test_mail_is_in_the_ledger_before_it_is_answered(stack: Stack) -> None:
    endpoints = stack.endpoints()
    _send(endpoints.smtp, "<1@motcua>")
    stack.kill("smtp")  # at once: nothing can be written after the answer
    assert "<1@motcua>" in [
        entry.message_id for entry in read_accepted_mails(endpoints.smtp_ledger)
    ]
    stack.start("smtp")
    _send(endpoints.smtp, "<2@motcua>")
    *_, earlier, last = read_accepted_mails(endpoints.smtp_ledger)
    assert (earlier.message_id, last.message_id) == ("<1@motcua>", "<2@motcua>")
    assert last.subject == "Xin lỗi vì trễ hẹn"
    assert last.rcpt_to == ("dan@example.vn",)


def test_the_page_shows_mail_readable_and_harmless(stack: Stack) -> None:
    endpoints = stack.endpoints()
    _send(endpoints.smtp, "<3@motcua>", "Hồ sơ <b>trễ</b>")
    number = len(list(read_accepted_mails(endpoints.smtp_ledger)))
    pages = []
    for path in ("/", f"/message/{number}", "/ledger"):
        with urllib.request.urlopen(endpoints.smtp_page + path, timeout=10) as answer:
            pages.append(answer.read().decode())
    listed, shown, ledger = pages
    assert "Hồ sơ &lt;b&gt;trễ&lt;/b&gt;" in listed
    assert "Kính gửi ông/bà &lt;script&gt;" in shown
    assert ledger.splitlines() == endpoints.smtp_ledger.read_text().splitlines()


def test_a_part_does_not_move_when_its_port_is_taken_while_clients_wait(stack: Stack) -> None:
    port = int(stack.endpoints().smtp.rpartition(":")[2])
    stack.kill("smtp")
    with _held(port), pytest.raises(PortBusy, match=str(port)):
        stack.start("smtp")
    stack.start("smtp")


def test_up_chooses_other_ports_when_they_are_taken_and_keeps_the_data(stack: Stack) -> None:
    old = stack.endpoints()
    asyncio.run(_produce(old.kafka, b"before-the-move"))
    _insert(old.mongo, "before-the-move")
    stack.kill("kafka")
    stack.kill("mongod")
    mongod_port = int(old.mongo.split("/")[2].rpartition(":")[2])
    with _held(int(old.kafka.rpartition(":")[2])), _held(mongod_port):
        new = stack.up()
    assert new.kafka != old.kafka
    assert new.mongo != old.mongo
    assert new.smtp == old.smtp
    asyncio.run(_consume(new.kafka, b"before-the-move"))
    assert "before-the-move" in _insert(new.mongo, "after-the-move")


def test_a_part_that_cannot_start_shows_its_log(stack: Stack, root: Path) -> None:
    stack.kill("kafka")
    hopeless = Stack(root, "shared", kafka_heap_mb=1)
    with pytest.raises(PartDied, match="Too small maximum heap") as error:
        hopeless.start("kafka")
    assert str(stack.log_path("kafka")) in str(error.value)


def test_a_foreign_process_is_never_touched(stack: Stack) -> None:
    properties = str(stack.folder / "kafka" / "server.properties")
    foreign = subprocess.Popen([sys.executable, "-c", "input()", properties], stdin=subprocess.PIPE)
    try:
        stack.kill("kafka")
        stack.down()
        assert foreign.poll() is None
        assert not _left(stack)
        assert is_free(int(stack.endpoints().kafka.rpartition(":")[2]))
    finally:
        foreign.communicate(b"\n")


def test_what_killed_first_starts_left_is_made_anew_by_two_ups_at_once(tmp_path: Path) -> None:
    stack = Stack(tmp_path, "half", die_with_parent=True, kafka_heap_mb=HEAP_MB)
    (stack.folder / "kafka/data/__cluster_metadata-0").mkdir(parents=True)
    (stack.folder / "kafka/formatting").mkdir()
    (stack.folder / "mongod/data").mkdir(parents=True)
    (stack.folder / "mongod/data/WiredTiger.wt").write_bytes(b"half of it")
    (stack.folder / "smtp/data").mkdir(parents=True)
    (stack.folder / "smtp/data/ledger.ndjson").write_bytes(b'{"time": "2026-')
    with ThreadPoolExecutor(2) as pool:
        other = Stack(tmp_path, "half", kafka_heap_mb=HEAP_MB)
        first, second = pool.map(lambda each: each.up(), [stack, other])
    assert first == second
    assert len(find(marker("kafka", stack.folder))) == 1
    _send(first.smtp, "<whole@motcua>")
    assert [entry.message_id for entry in read_accepted_mails(first.smtp_ledger)] == [
        "<whole@motcua>"
    ]
    stack.reset()
    assert not _left(stack)


def test_the_parts_die_with_the_test_process_however_it_ends(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from deploy.local.stack.stack import Stack\n"
        "Stack(Path(sys.argv[1]), 'child', die_with_parent=True, kafka_heap_mb=256).up()\n"
        "print('up', flush=True); input()"
    )
    checkout = str(ROOT)
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": checkout},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    left = _left(Stack(tmp_path, "child"))
    assert len(left) == len(PARTS) + 1
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert wait_for_exit(left, 15) == []


def test_stacks_of_two_checkouts_begin_to_look_for_ports_at_different_places() -> None:
    assert next(candidates("/a/checkout")) != next(candidates("/another/checkout"))
