"""E-mail over SMTP: a few connections that are kept, and reopened when they break."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email.header import Header
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import formatdate
from enum import StrEnum
from pathlib import Path

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPHeloError,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from services.notify.channels.provider import (
    Accepted,
    Deferred,
    MaybeTaken,
    Misconfigured,
    NoAddress,
    NotTaken,
    Outgoing,
    Rejected,
)
from services.notify.channels.redact import unaddressed
from services.notify.channels.reference import HEADER, reference
from services.notify.channels.smtp_refusals import Refusals
from services.notify.channels.xtext import xtext
from services.shared.addresses import IN_NO_MAILBOX

_LONGEST_ENVID = 100
"""The limit in RFC 3461."""


class Tls(StrEnum):
    """How the connection to a mail server is kept private."""

    NONE = "none"
    STARTTLS = "starttls"
    """It begins in clear and must be made private before anything is sent (port 587)."""
    IMPLICIT = "implicit"
    """The connection is private from its first byte (port 465)."""


@dataclass(frozen=True)
class MailServer:
    """A mail server's address, and how it knows us."""

    name: str
    host: str
    port: int
    sender: str
    tls: Tls = Tls.STARTTLS
    user: str | None = None
    password: str | None = None
    ca_file: Path | None = None
    """Certificates that are trusted; None: those that the system trusts."""
    timeout: float = 20.0
    """Seconds for each answer of the server."""


class SmtpProvider:
    """Sends mail. Used by several tasks at once, each on a connection of its own."""

    keyed = False

    def __init__(self, server: MailServer) -> None:
        self.name = server.name
        self._server = server
        self._idle: list[SMTP] = []
        self._refusals = Refusals()
        self._context = (
            None if server.tls is Tls.NONE else ssl.create_default_context(cafile=server.ca_file)
        )

    async def send(self, message: Outgoing) -> Accepted:
        """Return once the server has accepted it. Raise Rejected, NotTaken or MaybeTaken.

        SMTP knows no idempotency key. The Message-ID follows from the message's id, so a recipient,
        or a judge, can recognise a repetition by it.
        """
        if not message.to.isascii() or any(c.isspace() or c in IN_NO_MAILBOX for c in message.to):
            raise NoAddress("the address is none that mail can be sent to")
        raw = compose(self._server.sender, message)
        client = await self._addressed(message)
        try:
            await client.data(raw)
        except SMTPDataError as error:
            client.close()
            # Only these say something of this message; any other refusal is of us, and passes.
            if error.code in (552, 554) and not error.message.startswith("5.7."):
                raise Rejected(f"the message was refused: {error.code}") from error
            raise NotTaken(_not_now(error, message.to)) from error
        except SMTPTimeoutError as error:
            client.close()
            raise MaybeTaken("no answer in time", silent=True) from error
        except (SMTPException, OSError) as error:
            client.close()
            broke_off = f"the connection broke off: {error!r}"
            raise MaybeTaken(unaddressed(broke_off, message.to)) from error
        except BaseException:
            client.close()  # it is in the middle of a mail
            raise
        self._idle.append(client)
        return Accepted(self.name)

    async def close(self) -> None:
        """Close the connections."""
        while self._idle:
            self._idle.pop().close()

    async def _addressed(self, message: Outgoing) -> SMTP:
        """Return a connection on which the server waits for the message itself.

        Until then nothing is sent that could be accepted.
        """
        while self._idle:
            client = self._idle.pop()
            try:
                return await self._envelope(client, message)
            except NotTaken as error:
                # The server closes what was idle for long: that says nothing of the server.
                if not isinstance(error.__cause__, SMTPServerDisconnected):
                    raise
        try:
            client = await self._connect()
        except SMTPAuthenticationError as error:
            raise Misconfigured(f"does not let us in: {error.code}") from error
        except (SMTPException, OSError, TimeoutError) as error:
            if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
                raise Misconfigured(f"its certificate is not trusted: {error}") from error
            raise NotTaken(f"cannot be reached: {error!r}") from error
        return await self._envelope(client, message)

    async def _envelope(self, client: SMTP, message: Outgoing) -> SMTP:
        to = message.to
        # With DSN (RFC 3461), a mail that bounces later comes back with our reference, and without
        # its text.
        asks = client.supports_extension("dsn")
        try:
            await client.mail(self._server.sender, options=_named(message) if asks else ())
            await client.rcpt(to, options=("NOTIFY=FAILURE",) if asks else ())
        except SMTPRecipientRefused as error:
            client.close()
            if not self._refusals.of_the_recipient(error, to):
                raise NotTaken(_not_now(error, to)) from error
            if error.code >= 500:
                raise Rejected(f"the address was refused: {error.code}") from error
            raise Deferred(_not_now(error, to)) from error
        except (SMTPException, OSError, TimeoutError) as error:
            client.close()
            raise NotTaken(unaddressed(repr(error), to)) from error
        except BaseException:
            client.close()
            raise
        self._refusals.taken()
        return client

    async def _connect(self) -> SMTP:
        server = self._server
        client = SMTP(
            hostname=server.host,
            port=server.port,
            timeout=server.timeout,
            use_tls=server.tls is Tls.IMPLICIT,
            start_tls=server.tls is Tls.STARTTLS,
            tls_context=self._context,
            username=server.user,
            password=server.password,
        )
        try:
            async with asyncio.timeout(server.timeout):
                await client.connect()
                if client.is_ehlo_or_helo_needed:
                    # Ask what it can do before the first mail, not with it. A server that is too
                    # old for EHLO is greeted with HELO then.
                    with suppress(SMTPHeloError):
                        await client.ehlo()
        except BaseException:
            client.close()
            raise
        return client


def _not_now(error: SMTPResponseException, to: str) -> str:
    return f"not now: {error.code} {unaddressed(error.message, to)}"


def _named(message: Outgoing) -> list[str]:
    """Return the MAIL parameters that say what a bounce should contain."""
    envid = xtext(reference(message.dossier, message.message_id))
    return [f"ENVID={envid}", "RET=HDRS"] if len(envid) <= _LONGEST_ENVID else ["RET=HDRS"]


def compose(sender: str, message: Outgoing) -> bytes:
    """Return the message as it travels: UTF-8 text, the same Message-ID at every attempt."""
    mail = MIMEText(message.text.body, "plain", "utf-8")
    # The newer e-mail policies drop a space where they fold a long Vietnamese subject.
    mail["Subject"] = Header(message.text.subject, "utf-8")  # type: ignore[assignment]
    mail["From"] = sender
    mail["To"] = message.to
    mail["Date"] = formatdate(usegmt=True)
    mail["Message-ID"] = f"<{message.message_id}@motcua>"
    mail[HEADER] = reference(message.dossier, message.message_id)
    # No holiday reply should come back to the office.
    mail["Auto-Submitted"] = "auto-generated"
    return mail.as_bytes(policy=compat32.clone(linesep="\r\n"))
