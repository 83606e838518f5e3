"""Delivery receipts over HTTP: gateways say what became of a message that they accepted.

A receipt becomes an event, and only then it is answered with 204; until then the gateway repeats
it. A receipt that comes twice is one event. Receipts may come in any order, and before our own
record that the message was sent.

A mail server sends no receipts: it writes a mail, which is passed on as it is.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import structlog
from fastapi import FastAPI, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.events import notify
from contracts.values import EARLIEST, Instant
from contracts.wire.actor import Actor, AuthType
from contracts.wire.envelope import Event, derive_id
from services.notify import metrics
from services.notify.channels.delivery_report import Action, NoReport, read_report
from services.notify.channels.redact import redacted
from services.notify.channels.reference import subject_and_id
from services.notify.channels.settings import SENDERS, ChannelSettings
from services.notify.channels.standard_webhooks import BadSignature, check
from services.runtime import (
    AuditKind,
    GroupWriter,
    Problem,
    Running,
    failing,
    is_transient,
    note,
    takes,
)

log = structlog.get_logger("motcua.receipts")

_MAIL_SERVERS = ("smtp", "smtp2")
_AHEAD = timedelta(hours=1)
"""How far a provider's clock may be fast."""
_ENDS: dict[Action, Literal["delivered", "failed"]] = {
    Action.DELIVERED: "delivered",
    Action.FAILED: "failed",
}


class DeliveryReceipt(BaseModel):
    """A gateway's delivery receipt. Further fields are ignored."""

    model_config = ConfigDict(extra="ignore")

    id: str = Field(min_length=1, max_length=200)
    """The gateway's own name for the message."""
    reference: str = Field(max_length=200)
    """Our reference: the message's subject, a colon, and its id."""
    status: Literal["delivered", "failed"]
    reason: str | None = None
    at: Instant

    def event(self, provider: str) -> Event:
        """Return the receipt's event. Raise ValueError if the reference is none of ours."""
        subject, message_id = subject_and_id(self.reference)
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
            # Not when it came: a provider sends a receipt until it is taken, and it stays the same.
            actor=Actor(AuthType.SERVICE_ACCOUNT, f"/motcua/notify/receipts/{provider}"),
        )


def of_mail(raw: bytes, now: datetime) -> DeliveryReceipt | None:
    """Return a bounce's receipt; None if it reports no end. Raise NoReport or NotOurs.

    The same bounce makes the same receipt, unless its time is over an hour after `now`.
    """
    report = read_report(raw)
    if report.action not in _ENDS:
        return None
    return DeliveryReceipt(
        id=derive_id("bounce", report.at.isoformat(), report.reason),
        reference=report.reference,
        status=_ENDS[report.action],
        reason=report.reason,
        at=report.at if report.at <= now + _AHEAD else now,
    )


_LONGEST_MAIL = 262_144
"""Bytes of a body: a mail that reports a bounce has our mail's headers in it, or all of it."""
_BODY = {
    **takes(_LONGEST_MAIL),
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": DeliveryReceipt.model_json_schema()},
            "message/rfc822": {"schema": {"type": "string", "format": "binary"}},
        },
    },
}
"""The body is read as it came, to check its signature, so it is documented by hand."""


def add_delivery_receipts(app: FastAPI, running: Running[ChannelSettings]) -> None:
    """Add the route that gateways call."""
    settings = running.settings
    together = GroupWriter(running.producer)

    @app.post(
        "/receipts/{sender}",
        tags=["receipts"],
        status_code=204,
        responses={
            401: failing("The signature is not the gateway's."),
            404: failing("No such gateway is to send receipts here."),
        },
        openapi_extra=_BODY,
    )
    async def take_receipt(
        sender: Annotated[
            str, Path(description="`sms`, `sms2`, `zalo`, `zalo2`; `email`, `email2`.")
        ],
        request: Request,
    ) -> Response:
        """Take a delivery receipt, signed by the Standard Webhooks specification.

        For `email`, the mail is sent as it came to the mailbox (`message/rfc822`): a delivery
        status notification of RFC 3464.
        """
        provider = SENDERS.get(sender, "")
        keys = settings.receipt_keys(provider)
        if not keys:
            raise Problem(404, "unknown-provider", f"{sender} is to send no receipts here")
        body = await request.body()
        try:
            # Not by the service's clock, which may be a stream clock: the time right now counts.
            now = time.time()
            check(keys, request.headers, body, now)
            receipt = (
                of_mail(body, datetime.fromtimestamp(now, UTC))
                if provider in _MAIL_SERVERS
                else DeliveryReceipt.model_validate_json(body)
            )
            if receipt is None:
                metrics.RECEIPTS.labels(provider, "no-end").inc()
                return Response(status_code=204)
            _possible(receipt.at, datetime.fromtimestamp(now, UTC))
            event = receipt.event(provider)
        except BadSignature as error:
            _refused(provider, str(error))
            note(kind=AuditKind.SIGNATURE_REFUSED)
            raise Problem(401, "bad-signature", str(error)) from error
        except ValidationError as error:
            _refused(provider, "it is no receipt")
            errors = [
                {"field": ".".join(map(str, fault["loc"])) or "body", "detail": fault["msg"]}
                for fault in error.errors()
            ]
            raise Problem(422, "no-receipt", "it is no receipt", errors=errors) from error
        except _Impossible as error:
            _refused(provider, str(error))
            raise Problem(
                422, "no-receipt", str(error), errors=[{"field": "at", "detail": str(error)}]
            ) from error
        except NoReport as error:
            _refused(provider, str(error))
            raise Problem(422, "no-receipt", str(error)) from error
        except ValueError as error:
            _refused(provider, str(error))
            raise Problem(422, "unknown-reference", str(error)) from error
        try:
            async with asyncio.timeout(settings.answer_timeout):
                await together.publish(event)
        except Exception as error:
            if not is_transient(error):
                raise
            raise Problem(
                503,
                "log-unavailable",
                "the event log did not confirm the receipt; send it again",
                headers={"Retry-After": "5"},
            ) from error
        metrics.RECEIPTS.labels(provider, receipt.status).inc()
        return Response(status_code=204)


class _Impossible(Exception):
    """A receipt says that a message ended at a time that cannot be."""


def _possible(at: datetime, now: datetime) -> None:
    """Raise _Impossible for a time before the year 2000 or, with some patience, in the future."""
    if not EARLIEST <= at <= now + _AHEAD:
        raise _Impossible(f"at: {at.isoformat()} is no time of an end; it is {now.isoformat()} now")


def _refused(provider: str, why: str) -> None:
    metrics.RECEIPTS.labels(provider, "refused").inc()
    log.warning("a receipt is refused", provider=provider, reason=why)
