"""A local gateway for SMS and Zalo that behaves like a real one, and as badly as it is told to.

    python -m deploy.local.fakes.gateway.server --ledger FILE --port N --page-port N

A message is answered with 202 only after its line is in the ledger. The same idempotency key gets
the same answer and no second line, unless it is told to ignore keys. On the page's port, `/` shows
what arrived, `/ledger` is all of it as NDJSON, and `POST /control` changes how it behaves, e.g.
`{"away": true}` takes it away until it is told otherwise; `/held` says how many requests it holds.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import random
import re
import signal
import sys
from pathlib import Path

from deploy.local.fakes.gateway.accepted import AcceptedMessage, now, read_accepted_messages
from deploy.local.fakes.gateway.behaviour import Behaviour, Nonsense
from deploy.local.fakes.gateway.http import Request, Response, Server, answer
from deploy.local.fakes.gateway.page import Shown
from deploy.local.fakes.gateway.part import SECRET, TOKEN
from deploy.local.fakes.gateway.receipts import DeliveryReceipts
from deploy.local.fakes.gateway.segments import segments
from deploy.local.fakes.smtp.accepted import AcceptedLog

_CHANNELS = {"/sms": "sms", "/zalo": "zalo"}
_NUMBER = re.compile(r"\+[1-9]\d{6,14}|\d{15,}")


class FakeGateway:
    """Accepts messages, remembers them by their keys, and sends receipts for them."""

    def __init__(
        self,
        ledger: AcceptedLog,
        earlier: list[AcceptedMessage],
        receipts: DeliveryReceipts,
        behaviour: Behaviour,
        draw: random.Random,
        token: str,
    ) -> None:
        self.behaviour = behaviour
        self.held = 0
        """How many requests wait until the gateway is told to hold none."""
        self.shown = Shown(earlier)
        self._ledger = ledger
        self._receipts = receipts
        self._draw = draw
        self._token = token
        self._by_key = {(entry.channel, entry.key): entry for entry in earlier}
        self._count = len(earlier)
        self._writing = asyncio.Lock()
        self._let_go = asyncio.Event()

    def behave(self, behaviour: Behaviour) -> None:
        """Behave like this from now on; held requests go on if it no longer holds."""
        self.behaviour = behaviour
        if not behaviour.hold:
            self._let_go.set()
            self._let_go = asyncio.Event()

    async def take(self, request: Request) -> Response | None:
        """Return the response to a request; None: hang up."""
        if self.behaviour.hold:
            self.held += 1
            await self._let_go.wait()
            self.held -= 1
        behaviour = self.behaviour
        if behaviour.delay_ms:
            await asyncio.sleep(behaviour.delay_ms / 1000)  # the slowness that was asked for
        channel = _CHANNELS.get(request.path)
        if channel is None or request.method != "POST":
            return answer(404, {"error": "unknown-path"})
        known = f"Bearer {self._token}".encode()
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), known):
            return answer(401, {"error": "unknown-token"})
        if self._draw.random() < behaviour.fail_rate:
            return answer(503, {"error": "refused-on-purpose"})
        key = request.headers.get("idempotency-key", "")
        try:
            content = request.json()
            to, text = str(content["to"]), str(content["text"])
            reference = str(content["reference"])
        except (ValueError, KeyError) as error:
            return answer(422, {"error": f"bad-request: {error!r}"})
        if not key:
            return answer(422, {"error": "no-idempotency-key"})
        if not _NUMBER.fullmatch(to):
            return answer(422, {"error": "invalid-number"})
        wanted = content.get("receipts")
        async with self._writing:  # or two of one key at once would be accepted twice
            entry = None if behaviour.ignore_keys else self._by_key.get((channel, key))
            if entry is None:
                entry = AcceptedMessage(
                    time=now(),
                    id=self._name(channel, key),
                    channel=channel,
                    to=to,
                    text=text,
                    parts=segments(text) if channel == "sms" else 1,
                    reference=reference,
                    key=key,
                    receipts=str(wanted) if wanted else None,
                )
                try:
                    await self._ledger.append(entry)
                except OSError as error:
                    sys.stderr.write(f"ledger: {error}\n")
                    return answer(503, {"error": "ledger-unavailable"})
                self._count += 1
                self._by_key[channel, key] = entry
                self.shown.add(entry)
                self._receipts.owe(entry, behaviour)
        if self._draw.random() < behaviour.drop_answer_rate:
            return None
        return answer(202, {"id": entry.id, "status": "accepted", "parts": entry.parts})

    def _name(self, channel: str, key: str) -> str:
        """Return the gateway's name for a message: the same in every run if keys are honoured."""
        number = self._count if self.behaviour.ignore_keys else 0
        return "gw-" + hashlib.sha256(f"{channel} {key} {number}".encode()).hexdigest()[:16]


class ControlPage:
    """The page, the ledger, and the controls."""

    def __init__(self, gateway: FakeGateway, server: Server, ledger: Path) -> None:
        self._gateway = gateway
        self._server = server
        self._ledger = ledger

    async def take(self, request: Request) -> Response | None:
        """Answer a request on the page's port."""
        match request.method, request.path:
            case "GET", "/":
                return self._gateway.shown.page(self._gateway.behaviour)
            case "GET", "/ledger":
                content = await asyncio.to_thread(self._ledger.read_bytes)
                return Response(200, content, "application/x-ndjson; charset=utf-8")
            case "GET", "/held":
                return answer(200, {"held": self._gateway.held})
            case "GET", "/control":
                return answer(200, self._gateway.behaviour.to_json())
            case "POST", "/control":
                return await self._control(request)
        return answer(404, {"error": "unknown-path"})

    async def _control(self, request: Request) -> Response:
        # It listens on this machine only; this keeps out web pages in its browser.
        if request.headers.get("content-type") != "application/json":
            return answer(415, {"error": "application/json is wanted"})
        try:
            behaviour = self._gateway.behaviour.changed(request.json())
        except ValueError as error:
            kind = "no such behaviour" if isinstance(error, Nonsense) else "no JSON"
            return answer(422, {"error": kind, "detail": str(error)})
        self._gateway.behave(behaviour)
        if behaviour.away:
            self._server.close()
        else:
            await self._server.start()
        return answer(200, behaviour.to_json())


async def run(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT. Raise OSError if a port is taken."""
    draw = random.Random(0)
    ledger = AcceptedLog(options.ledger, fsync=options.fsync)
    receipts = DeliveryReceipts(options.secret, draw)
    behaviour = Behaviour(ignore_keys=options.ignore_keys, fail_rate=options.fail_rate)
    earlier = list(read_accepted_messages(options.ledger))
    gateway = FakeGateway(ledger, earlier, receipts, behaviour, draw, options.token)
    server = Server(gateway.take, options.port)
    page = Server(ControlPage(gateway, server, options.ledger).take, options.page_port)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await page.start()
    await server.start()
    sys.stderr.write(f"gateway on {options.port}, page on {options.page_port}\n")
    await ended.wait()
    server.close()
    page.close()
    await receipts.close()
    ledger.close()


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--ledger", type=Path, required=True, help="NDJSON file to append to")
    made.add_argument("--port", type=int, required=True)
    made.add_argument("--page-port", type=int, required=True)
    made.add_argument("--token", default=TOKEN, help="what a sender must know")
    made.add_argument("--secret", default=SECRET, help="by which receipts are signed")
    made.add_argument("--fsync", action="store_true", help="answer only when it is on the disk")
    made.add_argument("--ignore-keys", action="store_true", help="accept repetitions again")
    made.add_argument("--fail-rate", type=float, default=0.0, help="share of 503 answers, 0 to 1")
    return made


if __name__ == "__main__":
    asyncio.run(run(parser().parse_args()))
