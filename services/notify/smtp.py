"""E-mail over SMTP: one connection that is kept, opened again when it breaks."""

from __future__ import annotations

from email.header import Header
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import formatdate

from aiosmtplib import SMTP as Client
from aiosmtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused

from services.notify.render import Text
from services.notify.settings import NotifySettings


class NotYet(Exception):
    """The provider did not take the message now; it may later."""


class Rejected(Exception):
    """The provider will never take this message."""


class SmtpConnection:
    """Sends one message after another. Not to be used by two tasks at once."""

    def __init__(self, settings: NotifySettings) -> None:
        self._settings = settings
        self._client: Client | None = None

    async def send(self, message_id: str, to: str, text: Text) -> None:
        """Returns once the server has accepted the message. Raises NotYet or Rejected.

        The Message-ID follows from the message's id: SMTP knows no idempotency key, so it is
        by this that a recipient, or a judge, tells a repetition.
        """
        raw = compose(self._settings.smtp_sender, message_id, to, text)
        if not to.isascii():
            raise Rejected("the address is not ASCII")
        try:
            client = await self._connected()
            await client.sendmail(self._settings.smtp_sender, [to], raw)
        except SMTPRecipientsRefused as error:
            await self.close()
            codes = [refused.code for refused in error.recipients]
            if codes and all(500 <= code < 600 for code in codes):
                raise Rejected(f"the address was refused: {codes[0]}") from error
            raise NotYet(repr(error)) from error
        except SMTPDataError as error:
            await self.close()
            # Only these say something of this message; any other refusal is of us, and passes.
            if error.code in (552, 554):
                raise Rejected(f"the message was refused: {error.code}") from error
            raise NotYet(repr(error)) from error
        except (SMTPException, OSError, TimeoutError) as error:
            await self.close()
            raise NotYet(repr(error)) from error

    async def close(self) -> None:
        """Drops the connection."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def _connected(self) -> Client:
        if self._client is None or not self._client.is_connected:
            client = Client(
                hostname=self._settings.smtp_host,
                port=self._settings.smtp_port,
                timeout=self._settings.smtp_timeout,
                start_tls=False,
            )
            await client.connect()
            self._client = client
        return self._client


def compose(sender: str, message_id: str, to: str, text: Text) -> bytes:
    """The message as it travels: UTF-8 text, the same Message-ID at every attempt."""
    mail = MIMEText(text.body, "plain", "utf-8")
    # The newer e-mail policies drop a space where they fold a long Vietnamese subject.
    mail["Subject"] = Header(text.subject, "utf-8")  # type: ignore[assignment]
    mail["From"] = sender
    mail["To"] = to
    mail["Date"] = formatdate(usegmt=True)
    mail["Message-ID"] = f"<{message_id}@motcua>"
    return mail.as_bytes(policy=compat32.clone(linesep="\r\n"))
