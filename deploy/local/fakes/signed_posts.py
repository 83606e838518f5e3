"""Send signed delivery receipts in the background, again and again until they are taken.

They are signed by the Standard Webhooks specification, with code of its own and not that of the
service that checks them: both follow only the specification.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import sys
import time
import uuid

import aiohttp

_ATTEMPTS = 30
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
"""The pause after the first try; it doubles up to the longest, for about two minutes in all."""


class SignedPosts:
    """Make, use and close it on one event loop."""

    def __init__(self, secret: str) -> None:
        self._key = base64.b64decode(secret.removeprefix("whsec_"))
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10.0))
        self._tasks: set[asyncio.Task[None]] = set()

    def owe(self, url: str, body: bytes, kind: str, after: float = 0.0) -> None:
        """Send it after this many seconds; `kind` is its Content-Type."""
        task = asyncio.create_task(self._send(url, body, kind, after))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up what is not taken yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()

    async def _send(self, url: str, body: bytes, kind: str, after: float) -> None:
        await asyncio.sleep(after)  # the disorder that was asked for
        message_id = f"receipt_{uuid.uuid4().hex}"
        pause = _FIRST_PAUSE_S
        problem = ""
        for _ in range(_ATTEMPTS):
            try:
                headers = {"Content-Type": kind, **self._signed(message_id, body)}
                async with self._session.post(url, data=body, headers=headers) as answer:
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
            "webhook-id": message_id,
            "webhook-timestamp": stamp,
            "webhook-signature": "v1," + base64.b64encode(digest).decode(),
        }
