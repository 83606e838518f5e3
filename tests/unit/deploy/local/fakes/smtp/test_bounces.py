"""The local mail server accepts some mails, and says later that they did not arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtplib import SMTP

from deploy.local.fakes.gateway.http import Request, Response, answer
from deploy.local.fakes.gateway.http import Server as HttpServer
from deploy.local.fakes.gateway.part import SECRET
from deploy.local.fakes.signed_posts import SignedPosts
from deploy.local.fakes.smtp.accepted import AcceptedLog, read_accepted_mails
from deploy.local.fakes.smtp.bounces import Bounces
from deploy.local.fakes.smtp.page import Mailbox, serve
from deploy.local.fakes.smtp.server import Handler, Server
from services.notify.channels.standard_webhooks import check, key_of
from tests.support.gateways import free_port

OURS = "H29.15@2024-03-08:0f8fad5b-d9cb-469f-a165-70867728950e"
MAIL = b"Message-ID: <1@motcua>\r\nSubject: x\r\n\r\nThe text\r\n"


class Running:
    """A mail server, its page, and who is told of what bounced."""

    def __init__(self, folder: Path) -> None:
        self.ledger = folder / "ledger.ndjson"
        self.heard: list[Request] = []
        self.told = asyncio.Event()
        self.page = f"http://127.0.0.1:{free_port()}"
        self.notify = f"http://127.0.0.1:{free_port()}/receipts/email"
        self.client = SMTP()

    async def hear(self, request: Request) -> Response | None:
        self.heard.append(request)
        self.told.set()
        return answer(204, {})

    async def bounces_go_to(self, content: object, kind: str = "application/json") -> int:
        async with httpx.AsyncClient() as http:
            asked = await http.post(
                f"{self.page}/bounces", json=content, headers={"Content-Type": kind}
            )
        return asked.status_code

    async def send(self, to: str) -> None:
        await self.client.mail("mot-cua@example.test", options=[f"ENVID={OURS}", "RET=HDRS"])
        await self.client.rcpt(to, options=["NOTIFY=FAILURE"])
        await self.client.data(MAIL)


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    found = Running(tmp_path)
    ledger, posts, mailbox = AcceptedLog(found.ledger, fsync=False), SignedPosts(SECRET), Mailbox()
    bounces = Bounces(posts)
    page = serve(int(found.page.rpartition(":")[2]), mailbox, bounces, found.ledger)
    handler = Handler(ledger, mailbox, bounces, bounce_s=0, fail_rate=0)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Server(handler, hostname="motcua.local", loop=loop), "127.0.0.1", 0
    )
    notify = HttpServer(found.hear, httpx.URL(found.notify).port or 0)
    await notify.start()
    await found.client.connect(
        hostname="127.0.0.1", port=server.sockets[0].getsockname()[1], start_tls=False
    )
    await found.client.ehlo()
    yield found
    found.client.close()
    server.close()
    notify.close()
    await asyncio.to_thread(page.shutdown)
    await posts.close()
    ledger.close()


async def test_what_bounces_is_accepted_first_and_then_told_by_its_name_and_without_its_text(
    running: Running,
) -> None:
    assert running.client.supports_extension("dsn")
    assert await running.bounces_go_to({"to": running.notify}) == 204
    await running.send("a@example.test")
    await running.send("bounces-b@example.test")
    await asyncio.wait_for(running.told.wait(), 20)
    assert [e.rcpt_to for e in read_accepted_mails(running.ledger)] == [
        ("a@example.test",),
        ("bounces-b@example.test",),
    ]
    (request,) = running.heard
    assert request.headers["content-type"] == "message/rfc822"
    stamp = float(request.headers["webhook-timestamp"])
    assert check([key_of(SECRET)], request.headers, request.body, stamp)
    mail = message_from_bytes(request.body)
    assert (mail.get_content_type(), mail["To"]) == ("multipart/report", "mot-cua@example.test")
    kinds = ["text/plain", "message/delivery-status", "text/rfc822-headers"]
    assert [part.get_content_type() for part in mail.get_payload()] == kinds  # type: ignore[union-attr]
    assert f"Original-Envelope-Id: {OURS}\r\n".encode() in request.body
    assert b"Message-ID: <1@motcua>" in request.body
    assert b"The text" not in request.body


async def test_without_an_address_to_go_to_a_bounce_is_dropped_and_the_mail_is_not(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    await running.send("bounces-b@example.test")
    assert len(list(read_accepted_mails(running.ledger))) == 1
    assert running.heard == []
    assert "nobody said where to" in capsys.readouterr().err


async def test_only_json_with_an_address_says_where_bounces_go(running: Running) -> None:
    assert await running.bounces_go_to({"to": running.notify}, "text/plain") == 404
    wrongs: list[Any] = [{}, [], "x", {"elsewhere": 1}]
    for wrong in wrongs:
        assert await running.bounces_go_to(wrong) == 422
    assert (await asyncio.to_thread(httpx.post, f"{running.page}/", json={})).status_code == 404
