"""Who carries the messages: the providers of each channel, the first and the one after it."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from services.notify.channels.gateway import Gateway
from services.notify.channels.smtp import MailServer, Tls
from services.notify.channels.standard_webhooks import key_of
from services.notify.channels.switch import SwitchLimits
from services.notify.channels.webhook import Webhooks
from services.shared.master_keys import KeySettings

SENDERS = {
    **{name: name for name in ("sms", "sms2", "zalo", "zalo2")},
    "email": "smtp",
    "email2": "smtp2",
}
"""Whose receipts come to which address under ``/receipts/``. A mail server sends its own by mail:
that is handed on from the mailbox of the sender."""


class ChannelSettings(KeySettings):
    """A provider is named as its settings begin: ``sms``, and ``sms2`` when the first fails."""

    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(default=25, ge=1, le=65535)
    smtp_tls: Tls = Tls.NONE
    smtp_user: str | None = None
    smtp_password: str | None = None
    smtp_sender: str = "mot-cua@example.test"
    smtp_secret: str | None = None
    """By which ``motcua message bounced`` signs what bounced later: ``whsec_…``, several with
    spaces between."""
    smtp_ca_file: Path | None = None
    """Whose certificates a mail server may have; without it, those that the system trusts."""
    smtp_connections: int = Field(default=4, ge=1, le=64)
    smtp_rate: float = Field(default=500.0, gt=0)
    """Mails a second and instance, to each server."""
    smtp_timeout: float = Field(default=20.0, gt=0)
    """Seconds for each answer of the server."""
    smtp2_host: str | None = None
    smtp2_port: int = Field(default=25, ge=1, le=65535)
    smtp2_tls: Tls = Tls.NONE
    smtp2_user: str | None = None
    smtp2_password: str | None = None
    smtp2_secret: str | None = None

    sms_url: str | None = None
    """The gateway's address; ``/sms`` is added to it."""
    sms_token: str = ""
    sms_secret: str | None = None
    """By which the gateway signs its receipts: ``whsec_…``, several with spaces between."""
    sms_rate: float = Field(default=50.0, gt=0)
    """Messages a second and instance."""
    sms2_url: str | None = None
    sms2_token: str = ""
    sms2_secret: str | None = None
    sms2_rate: float = Field(default=50.0, gt=0)
    sms_plain: bool = False
    """Without diacritics: a message is one segment instead of two or three."""
    sms_parts: int = Field(default=3, ge=1, le=10)
    """No SMS has more segments: it is cut, and the address of the status page kept."""

    zalo_url: str | None = None
    """The gateway's address; ``/zalo`` is added to it."""
    zalo_token: str = ""
    zalo_secret: str | None = None
    zalo_rate: float = Field(default=50.0, gt=0)
    zalo_length: int = Field(default=2000, ge=200, le=10_000)
    """No Zalo message has more characters: it is cut as an SMS is. Zalo takes 2,000 of an official
    account's text, and refuses what is longer."""
    zalo2_url: str | None = None
    zalo2_token: str = ""
    zalo2_secret: str | None = None
    zalo2_rate: float = Field(default=50.0, gt=0)

    gateway_connections: int = Field(default=8, ge=1, le=64)
    """To each gateway, of each instance."""
    gateway_timeout: float = Field(default=20.0, gt=0, le=50)
    """Seconds for one message. Whoever leaves the group is waited for a minute."""

    webhook_private: bool = False
    """Whether webhooks may go to plain HTTP and to addresses that are not public: for tests."""
    webhook_rate: float = Field(default=50.0, gt=0)

    receipts_url: str | None = None
    """Where gateways reach this service from outside; ``/receipts/…`` is added to it."""
    provider_slow: float = Field(default=5.0, gt=0)
    """Seconds; a provider that usually takes longer is left for one that is known to be faster."""
    provider_rest: float = Field(default=10.0, gt=0)
    """Seconds after which one message tries a failing provider again."""

    @field_validator(*(f"{provider}_secret" for provider in SENDERS.values()), mode="after")
    @classmethod
    def _good_secret(cls, value: str | None) -> str | None:
        for secret in (value or "").split():
            key_of(secret)
        return value

    @model_validator(mode="after")
    def _no_password_in_clear(self) -> Self:
        for server in self.mail_servers():
            if (server.user is None) != (server.password is None):
                raise ValueError(f"{server.name}: a user and a password belong together")
            if server.user is not None and server.tls is Tls.NONE:
                raise ValueError(f"{server.name}: a password is not sent in clear; set its tls")
        return self

    def mail_servers(self) -> list[MailServer]:
        """The first, and the second if there is one."""
        return [
            MailServer(
                name=name,
                host=host,
                port=getattr(self, f"{name}_port"),
                sender=self.smtp_sender,
                tls=getattr(self, f"{name}_tls"),
                user=getattr(self, f"{name}_user"),
                password=getattr(self, f"{name}_password"),
                ca_file=self.smtp_ca_file,
                timeout=self.smtp_timeout,
            )
            for name in ("smtp", "smtp2")
            if (host := getattr(self, f"{name}_host"))
        ]

    def gateways(self, channel: str) -> list[Gateway]:
        """The first and the second gateway for ``sms`` or ``zalo``, as far as there are any."""
        return [
            Gateway(
                name=name,
                url=url,
                token=getattr(self, f"{name}_token"),
                receipts=self._receipts(name),
                connections=self.gateway_connections,
                rate=getattr(self, f"{name}_rate"),
                timeout=self.gateway_timeout,
            )
            for name in (channel, f"{channel}2")
            if (url := getattr(self, f"{name}_url"))
        ]

    def webhooks(self) -> Webhooks:
        """How webhooks are called."""
        return Webhooks("webhook", private=self.webhook_private)

    def receipt_keys(self, provider: str) -> list[bytes]:
        """The keys by which a provider may sign its receipts; none: it sends no receipts."""
        if provider not in SENDERS.values():
            return []
        secrets: str = getattr(self, f"{provider}_secret") or ""
        return [key_of(secret) for secret in secrets.split()]

    def limits(self) -> SwitchLimits:
        """When a provider is said to be slow, and how long a failing one is left alone."""
        return SwitchLimits(slow=self.provider_slow, rest=self.provider_rest)

    def _receipts(self, provider: str) -> str | None:
        if self.receipts_url is None or not self.receipt_keys(provider):
            return None
        return f"{self.receipts_url.rstrip('/')}/receipts/{provider}"
