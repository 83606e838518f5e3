"""A real mail server that answers as it is told, and keeps mails and commands as they came."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from aiosmtpd.smtp import SMTP, Envelope, Session

from services.notify.channels.provider import (
    Outgoing,
)
from services.notify.channels.smtp import MailServer
from services.notify.wording.renderer import RenderedMessage

SUBJECT = "Hồ sơ H29.101-260311-0001 đã được tiếp nhận, hẹn trả kết quả 17:00 16/03/2026"
TEXT = RenderedMessage(SUBJECT, "Kính gửi", "short", "1")


def outgoing(to: str = "a@example.test") -> Outgoing:
    return Outgoing("m-1", "H29.101-260311-0001", to, TEXT)


class Mailbox:
    """Answers as it is told to; keeps what it accepts."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []
        self.sessions: list[Session] = []
        self.to_rcpt: str | None = None
        self.to_data = "250 2.0.0 Accepted"
        self.hangs_up = False
        self.knows_dsn = False
        self.transports: list[asyncio.Transport] = []

    async def handle_EHLO(
        self,
        server: Any,
        session: Session,
        _envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        session.host_name = hostname
        self.transports.append(server.transport)
        return [*responses[:-1], "250-DSN", responses[-1]] if self.knows_dsn else responses

    async def handle_RCPT(
        self, _server: Any, _session: Session, envelope: Envelope, to: str, _options: list[str]
    ) -> str:
        if to.startswith("bounces"):
            return "550 5.1.1 no such mailbox"
        if to.startswith("full"):
            return "452 4.2.2 mailbox full"
        if self.to_rcpt is not None:
            return self.to_rcpt
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        self.mails.append(envelope)
        self.sessions.append(session)
        if self.hangs_up:
            server.transport.abort()
        return self.to_data


class Asked(SMTP):
    """Keeps the commands as they came; those of a mail that are its own."""

    commands: ClassVar[list[str]] = []

    async def smtp_MAIL(self, arg: str) -> None:
        self.commands.append(f"MAIL {arg}")
        await super().smtp_MAIL(arg.partition(" ")[0])

    async def smtp_RCPT(self, arg: str) -> None:
        self.commands.append(f"RCPT {arg}")
        await super().smtp_RCPT(arg.partition(" ")[0])

    async def smtp_EHLO(self, hostname: str) -> None:
        self.commands.append("EHLO")
        await super().smtp_EHLO(hostname)


Serve = Callable[..., Awaitable[MailServer]]
