"""The local gateway: as a real one when it behaves, and as bad as it is told to be when not."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.fakes.gateway.accepted import AcceptedMessage, read_accepted_messages
from deploy.local.fakes.gateway.behaviour import Behaviour, Nonsense
from deploy.local.fakes.gateway.http import Request, Response, Server, answer
from deploy.local.fakes.gateway.page import SHOWN, Shown
from deploy.local.fakes.gateway.part import SECRET, TOKEN
from deploy.local.fakes.gateway.receipts import DeliveryReceipts
from deploy.local.fakes.gateway.server import ControlPage, FakeGateway
from deploy.local.fakes.smtp.accepted import AcceptedLog
from services.notify.channels.segments import parts
from services.notify.channels.standard_webhooks import check, key_of
from tests.support.gateways import free_port

NUMBER = "+84903123456"


class Running:
    """A gateway in this process, over real sockets."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.ndjson"
        self.ledger = AcceptedLog(self.path, fsync=False)
        self.receipts = DeliveryReceipts(SECRET, random.Random(1))
        earlier = list(read_accepted_messages(self.path))
        self.gateway = FakeGateway(
            self.ledger, earlier, self.receipts, Behaviour(), random.Random(1), TOKEN
        )
        self.url, self.page = (f"http://127.0.0.1:{free_port()}" for _ in "ab")
        self.server = Server(self.gateway.take, _port(self.url))
        self.desk = Server(ControlPage(self.gateway, self.server, self.path).take, _port(self.page))
        self.http = httpx.AsyncClient(trust_env=False, timeout=10)

    async def start(self) -> None:
        await self.server.start()
        await self.desk.start()

    async def stop(self) -> None:
        self.server.close()
        self.desk.close()
        await self.receipts.close()
        await self.http.aclose()
        self.ledger.close()

    async def send(self, key: str = "k", path: str = "/sms", **changes: Any) -> httpx.Response:
        body = {"to": NUMBER, "text": "Đã tiếp nhận", "reference": "d:m", **changes}
        headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": key}
        return await self.http.post(self.url + path, json=body, headers=headers)

    async def behaves(self, **changes: Any) -> httpx.Response:
        return await self.http.post(self.page + "/control", json=changes)

    def entries(self) -> list[AcceptedMessage]:
        return list(read_accepted_messages(self.path))


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    found = Running(tmp_path)
    await found.start()
    yield found
    await found.stop()


async def test_a_message_is_in_the_ledger_and_its_key_gets_the_same_answer_again(
    running: Running,
) -> None:
    first, again = [await running.send() for _ in "ab"]
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    (entry,) = running.entries()
    assert first.json() == {"id": entry.id, "status": "accepted", "parts": 1}
    assert (entry.channel, entry.to, entry.text, entry.key) == ("sms", NUMBER, "Đã tiếp nhận", "k")


async def test_two_of_one_key_at_once_are_one(running: Running) -> None:
    await running.behaves(delay_ms=20)
    answers = await asyncio.gather(*(running.send() for _ in range(8)))
    assert len({a.json()["id"] for a in answers}) == 1
    assert len(running.entries()) == 1


async def test_keys_are_remembered_over_a_restart(running: Running, tmp_path: Path) -> None:
    before = (await running.send()).json()
    other = Running(tmp_path)
    await other.start()
    assert (await other.send()).json() == before
    await other.stop()
    assert len(running.entries()) == 1


async def test_told_to_ignore_keys_it_accepts_twice_under_two_names(running: Running) -> None:
    await running.behaves(ignore_keys=True)
    answers = [await running.send() for _ in "ab"]
    assert len({a.json()["id"] for a in answers}) == 2
    assert [e.key for e in running.entries()] == ["k", "k"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"to": "0903123456"}, 422),
        ({"to": "nobody"}, 422),
        ({"key": ""}, 422),
        ({"path": "/fax"}, 404),
    ],
)
async def test_what_is_no_message_is_refused_and_written_nowhere(
    running: Running, changes: dict[str, str], status: int
) -> None:
    assert (await running.send(**changes)).status_code == status
    assert running.entries() == []


async def test_whoever_does_not_know_the_token_is_refused(running: Running) -> None:
    assert (await running.http.post(running.url + "/sms", json={})).status_code == 401


async def test_a_dropped_answer_is_of_a_message_that_was_accepted(running: Running) -> None:
    await running.behaves(drop_answer_rate=1.0)
    with pytest.raises(httpx.RemoteProtocolError):
        await running.send()
    assert len(running.entries()) == 1
    await running.behaves(drop_answer_rate=0.0)
    assert (await running.send()).status_code == 202
    assert len(running.entries()) == 1


async def test_a_refused_message_was_not_accepted(running: Running) -> None:
    await running.behaves(fail_rate=1.0)
    assert (await running.send()).status_code == 503
    assert running.entries() == []


async def test_it_can_be_taken_away_and_come_back(running: Running) -> None:
    await running.send()
    await running.behaves(away=True)
    with pytest.raises(httpx.TransportError):
        await running.send("other")
    assert (await running.http.get(running.page)).status_code == 200, "its page stays"
    await running.behaves(away=False)
    assert (await running.send("other")).status_code == 202


async def test_what_it_holds_is_accepted_when_it_is_let_go(running: Running) -> None:
    async def held() -> int:
        return int((await running.http.get(running.page + "/held")).json()["held"])

    await running.behaves(hold=True)
    sent = [asyncio.create_task(running.send(key)) for key in "ab"]
    while await held() < 2:
        pass
    assert running.entries() == []
    await running.behaves(hold=False)
    assert [answer.status_code for answer in await asyncio.gather(*sent)] == [202, 202]
    assert await held() == 0
    assert len(running.entries()) == 2


async def test_only_what_it_can_do_can_be_asked_of_it(running: Running) -> None:
    for wrong in ({"fail": 1}, {"fail_rate": 2}, {"away": 1}, {"delay_ms": -1}, {"delay_ms": "x"}):
        assert (await running.behaves(**wrong)).status_code == 422
    # A page in the browser of whoever runs it could send this, and nothing that asks first.
    plain = await running.http.post(running.page + "/control", content='{"away": true}')
    assert plain.status_code == 415
    assert (await running.http.get(running.page + "/control")).json()["away"] is False


async def test_the_page_shows_what_arrived_and_runs_none_of_it(running: Running) -> None:
    await running.send(text="<script>Hồ sơ</script>")
    page = (await running.http.get(running.page)).text
    assert "&lt;script&gt;Hồ sơ" in page
    assert "<script>" not in page
    assert NUMBER in page
    ledger = await running.http.get(running.page + "/ledger")
    assert ledger.content == running.path.read_bytes()


async def test_receipts_are_signed_shuffled_doubled_and_lost(running: Running) -> None:
    heard: list[Request] = []
    enough = asyncio.Event()

    async def hear(request: Request) -> Response | None:
        heard.append(request)
        if len(heard) == 21:
            enough.set()
        return answer(503 if len(heard) == 1 else 204, {})

    url = f"http://127.0.0.1:{free_port()}"
    receiver = Server(hear, _port(url))
    await receiver.start()
    await running.behaves(double_receipt_rate=1.0, receipt_delay_ms=1000)
    sent = [(await running.send(f"k{n}", receipts=url)).json()["id"] for n in range(10)]
    await asyncio.wait_for(enough.wait(), 20)
    await running.behaves(lose_receipt_rate=1.0)
    await running.send("lost", receipts=url)
    receiver.close()
    told = [request.json()["id"] for request in heard]
    for name in sent:
        assert told.count(name) in (2, 3), "the one that was not taken came again"
    assert list(dict.fromkeys(told)) != sent
    for request in heard:
        stamp = float(request.headers["webhook-timestamp"])
        assert check([key_of(SECRET)], request.headers, request.body, stamp)
        assert request.json()["status"] == "delivered"


@pytest.mark.parametrize("text", ["", "a" * 160, "a" * 161, "đ" * 70, "đ" * 71, "đ" * 500])
async def test_it_bills_the_segments_that_we_count(running: Running, text: str) -> None:
    assert (await running.send(text=text)).json()["parts"] == parts(text)


async def test_a_ledger_of_which_a_kill_left_half_a_line_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "ledger.ndjson"
    path.write_bytes(b'{"time": "x')
    assert list(read_accepted_messages(path)) == []
    running = Running(tmp_path)
    await running.start()
    await running.send()
    await running.stop()
    assert len(running.entries()) == 1


def test_the_page_keeps_the_newest_only() -> None:
    entry = AcceptedMessage("t", "i", "sms", NUMBER, "text", 1, "r", "k")
    page = Shown([entry] * (SHOWN + 1)).page(Behaviour()).body.decode()
    assert f"{SHOWN + 1} accepted, {SHOWN} shown" in page


def test_nonsense_is_named() -> None:
    with pytest.raises(Nonsense, match="drop_answer_rate"):
        Behaviour().changed({"drops": 1})
