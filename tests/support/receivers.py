"""Mail servers, webhooks and callers that misbehave, on ports of their own."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from contracts.wire.envelope import derive_id
from deploy.local.fakes.gateway.part import SECRET
from deploy.local.stack.city import Instance
from services.notify.channels.standard_webhooks import key_of, signed
from tests.support.gateways import free_port
from tests.support.post import code_of


class Receiver(ThreadingHTTPServer):
    """A receiver of webhooks that works, and keeps what it was told."""

    request_queue_size = 1000

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Told)
        self.told: Counter[str] = Counter()


class _Told(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Receiver)
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told[self.headers["webhook-id"]] += 1
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class MailServer:
    """A real one that knows no mailbox called ``gone``, and of which some mailboxes are full."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()
        """By recipient: how often it was named, and how many mails it got."""
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    def __enter__(self) -> MailServer:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, to: str, _options: list[str]
    ) -> str:
        self.asked[to] += 1
        if to.startswith("gone@"):
            return f"550 5.1.1 <{to}> no such mailbox"
        if "mailbox-is-full" in to:
            return f"452 4.2.2 <{to}> over quota"
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        self.taken.update(envelope.rcpt_tos)
        return "250 2.0.0 Accepted"


class Caller:
    """Sends receipts as a gateway does."""

    def __init__(self, instance: Instance) -> None:
        self._url = f"{instance.url}/receipts/sms"

    def says(self, mark: str, **changes: Any) -> bytes:
        """A receipt for the message with that mark."""
        said = {
            "id": f"gw-{mark}",
            "reference": f"{code_of(mark, 0)}:{derive_id('message', mark, 0)}",
            "status": "delivered",
            "at": "2026-03-02T01:00:00Z",
        }
        return json.dumps({**said, **changes}).encode()

    def headers(self, body: bytes, secret: str = SECRET, age: int = 0) -> dict[str, str]:
        """Of a receipt that was signed so many seconds ago."""
        return signed(key_of(secret), "receipt-1", int(time.time()) - age, body)

    def send(self, body: bytes, **how: Any) -> int:
        """What such a receipt is answered with."""
        return self.post(body, self.headers(body, **how))

    def post(self, body: bytes | Iterator[bytes], headers: dict[str, str]) -> int:
        """What a request is answered with."""
        return httpx.post(self._url, content=body, headers=headers, timeout=60).status_code
