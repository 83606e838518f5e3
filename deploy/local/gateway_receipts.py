"""The receipts of the local gateway: sent on their own, out of order, lost or doubled if told so.

They are signed after the Standard Webhooks specification, here anew and not with the code of the
service that checks them: what both keep to is the specification.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import random
import sys
import time
import uuid

import aiohttp

from deploy.local.gateway_behaviour import Behaviour
from deploy.local.gateway_ledger import Entry, now

_ATTEMPTS = 30
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
"""A receipt that is not taken is sent again after so long, then twice as long, for two minutes."""


class Receipts:
    """Sends receipts in the background."""

    def __init__(self, secret: str, draw: random.Random) -> None:
        self._key = base64.b64decode(secret.removeprefix("whsec_"))
        self._draw = draw
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10.0))
        self._tasks: set[asyncio.Task[None]] = set()

    def owe(self, entry: Entry, behaviour: Behaviour) -> None:
        """The message was accepted: its receipt is sent some time later, if it asked for one."""
        if entry.receipts is None or self._draw.random() < behaviour.lose_receipt_rate:
            return
        failed = self._draw.random() < behaviour.undelivered_rate
        content: dict[str, object] = {
            "id": entry.id,
            "reference": entry.reference,
            "status": "failed" if failed else "delivered",
            "at": now(),
        }
        if failed:
            content["reason"] = "the phone is switched off"
        body = json.dumps(content).encode()
        times = 2 if self._draw.random() < behaviour.double_receipt_rate else 1
        for _ in range(times):
            after = self._draw.uniform(0, behaviour.receipt_delay_ms / 1000)
            task = asyncio.create_task(self._send(entry.receipts, body, after))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Gives up what is not sent yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()

    async def _send(self, url: str, body: bytes, after: float) -> None:
        await asyncio.sleep(after)  # the disorder that was asked for
        message_id = f"receipt_{uuid.uuid4().hex}"
        pause = _FIRST_PAUSE_S
        problem = ""
        for _ in range(_ATTEMPTS):
            try:
                async with self._session.post(
                    url, data=body, headers=self._signed(message_id, body)
                ) as answer:
                    if answer.ok:
                        return
                    problem = f"{answer.status} {(await answer.text())[:200]}"
                    if answer.status < 500:
                        break  # it will not be taken another time either
            except (aiohttp.ClientError, TimeoutError) as error:
                problem = repr(error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)
        sys.stderr.write(f"a receipt is given up: {url}: {problem}\n")

    def _signed(self, message_id: str, body: bytes) -> dict[str, str]:
        stamp = str(int(time.time()))
        content = b".".join([message_id.encode(), stamp.encode(), body])
        digest = hmac.new(self._key, content, hashlib.sha256).digest()
        return {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": stamp,
            "webhook-signature": "v1," + base64.b64encode(digest).decode(),
        }
