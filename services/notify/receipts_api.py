"""Where gateways say what became of a message after they had accepted it: receipts, over HTTP.

A receipt becomes an event, and only then is it answered with 204: until that the gateway repeats
it. A receipt that comes twice is one event; its order does not matter, nor whether it comes before
our own record that the message was sent.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import Annotated, Literal

import structlog
from aiokafka.errors import KafkaError
from fastapi import FastAPI, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts import notify
from contracts.envelope import Event, derive_id
from contracts.values import DOSSIER_CODE, Instant
from services.notify import metrics
from services.notify.channels.redact import redacted
from services.notify.channels.settings import ChannelSettings
from services.notify.channels.standard_webhooks import BadSignature, check
from services.runtime.problem import Problem
from services.runtime.service import Running
from services.runtime.together import Together

log = structlog.get_logger("motcua.receipts")

_SUBJECT = re.compile(f"{DOSSIER_CODE}|{notify.UNIT_DAY}")
_MESSAGE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Receipt(BaseModel):
    """What a gateway says. It may say more, which is not read."""

    model_config = ConfigDict(extra="ignore")

    id: str = Field(min_length=1, max_length=200)
    """The gateway's own name for the message."""
    reference: str = Field(max_length=200)
    """Ours: what the message is about, a colon, and its id."""
    status: Literal["delivered", "failed"]
    reason: str | None = None
    at: Instant

    def event(self, provider: str) -> Event:
        """The event that it is. Raises ValueError if the reference is none of ours."""
        subject, _, message_id = self.reference.partition(":")
        if not _SUBJECT.fullmatch(subject) or not _MESSAGE_ID.fullmatch(message_id):
            raise ValueError("the reference is none of ours")
        data: notify.MessageDelivered | notify.MessageUndelivered
        if self.status == "delivered":
            data = notify.MessageDelivered(message_id=message_id, provider=provider)
        else:
            reason = redacted(self.reason or "the gateway gives no reason")
            data = notify.MessageUndelivered(
                message_id=message_id, provider=provider, reason=reason
            )
        return Event(
            id=derive_id("receipt", message_id, self.status, provider, self.id),
            source=f"/motcua/notify/receipts/{provider}",
            subject=subject,
            time=self.at,
            data=data,
            cause=message_id,
        )


def add_receipts(app: FastAPI, running: Running, settings: ChannelSettings) -> None:
    """Adds the route that gateways call."""
    together = Together(running.producer)

    @app.post("/receipts/{provider}", tags=["receipts"], status_code=204)
    async def take_receipt(
        provider: Annotated[str, Path(description="As its settings begin: `sms`, `zalo2`.")],
        request: Request,
    ) -> Response:
        """Takes a receipt, signed as the Standard Webhooks specification has it."""
        keys = settings.receipt_keys(provider)
        if not keys:
            raise Problem(404, "unknown-provider", f"{provider} is to send no receipts here")
        body = await request.body()
        try:
            # Not by the clock of the service, which may be a stream's: it is about right now.
            check(keys, request.headers, body, time.time())
            receipt = Receipt.model_validate_json(body)
            event = receipt.event(provider)
        except BadSignature as error:
            _refused(provider, str(error))
            raise Problem(401, "bad-signature", str(error)) from error
        except ValidationError as error:
            _refused(provider, "it is no receipt")
            errors = [
                {"field": ".".join(map(str, fault["loc"])) or "body", "detail": fault["msg"]}
                for fault in error.errors()
            ]
            raise Problem(422, "no-receipt", "it is no receipt", errors=errors) from error
        except ValueError as error:
            _refused(provider, str(error))
            raise Problem(422, "unknown-reference", str(error)) from error
        try:
            async with asyncio.timeout(settings.answer_timeout):
                await together.publish(event)
        except (KafkaError, OSError, TimeoutError) as error:
            raise Problem(
                503,
                "log-unavailable",
                "the event log did not confirm the receipt; send it again",
                headers={"Retry-After": "5"},
            ) from error
        metrics.RECEIPTS.labels(provider, receipt.status).inc()
        return Response(status_code=204)


def _refused(provider: str, why: str) -> None:
    metrics.RECEIPTS.labels(provider, "refused").inc()
    log.warning("a receipt is refused", provider=provider, reason=why)
