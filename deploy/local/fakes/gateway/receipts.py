"""The local gateway's delivery receipts: out of order, and lost or doubled if told so."""

from __future__ import annotations

import json
import random

from deploy.local.fakes.gateway.accepted import AcceptedMessage, now
from deploy.local.fakes.gateway.behaviour import Behaviour
from deploy.local.fakes.signed_posts import SignedPosts


class DeliveryReceipts:
    """Sends receipts in the background."""

    def __init__(self, secret: str, draw: random.Random) -> None:
        self._posts = SignedPosts(secret)
        self._draw = draw

    def owe(self, entry: AcceptedMessage, behaviour: Behaviour) -> None:
        """Send an accepted message's receipt some time later, if it asked for one."""
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
            self._posts.owe(entry.receipts, body, "application/json", after)

    async def close(self) -> None:
        """Give up what is not sent yet."""
        await self._posts.close()
