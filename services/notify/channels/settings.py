"""The settings of the channels' providers: for each channel a first one, and a second."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from services.notify.channels.gateway import Gateway
from services.notify.channels.smtp import MailServer, Tls
from services.notify.channels.standard_webhooks import key_of
from services.notify.channels.switch import SwitchLimits
from services.notify.channels.webhook import Webhooks
from services.shared.known_secrets import is_known
from services.shared.master_keys import KeySettings
from services.shared.references import ReferenceSettings

SENDERS = {
    **{name: name for name in ("sms", "sms2", "zalo", "zalo2")},
    "email": "smtp",
    "email2": "smtp2",
}
"""The provider of each address under ``/receipts/``. A mail server reports by mail: that mail is
passed on from the sender's mailbox."""


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class ChannelSettings(KeySettings, ReferenceSettings):
    """A provider is named as its settings begin: ``sms``, and ``sms2`` when the first fails."""

    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(default=25, ge=1, le=65535)
    smtp_tls: Tls = Tls.STARTTLS
    """``none`` sends mail in clear: to this machine itself, or in a trial."""
    smtp_user: str | None = None
    smtp_password: str | None = None
    smtp_sender: str = "mot-cua@example.test"
    smtp_secret: str | None = None
    """Secrets with which ``motcua message bounced`` signs later bounces: ``whsec_…``, separated by
    spaces."""
    smtp_ca_file: Path | None = None
    """Certificates that are trusted for mail servers; None: those that the system trusts."""
    smtp_connections: int = Field(default=4, ge=1, le=64)
    smtp_rate: float = Field(default=500.0, gt=0)
    """Mails a second, per instance and server."""
    smtp_timeout: float = Field(default=20.0, gt=0)
    """Seconds for each answer of the server."""
    smtp2_host: str | None = None
    smtp2_port: int = Field(default=25, ge=1, le=65535)
    smtp2_tls: Tls = Tls.STARTTLS
    smtp2_user: str | None = None
    smtp2_password: str | None = None
    smtp2_secret: str | None = None

    sms_url: str | None = None
    """The gateway's address; ``/sms`` is added to it."""
    sms_token: str = ""
    sms_secret: str | None = None
    """Secrets with which the gateway signs its delivery receipts: ``whsec_…``, separated by
    spaces."""
    sms_rate: float = Field(default=50.0, gt=0)
    """Messages a second, per instance."""
    sms2_url: str | None = None
    sms2_token: str = ""
    sms2_secret: str | None = None
    sms2_rate: float = Field(default=50.0, gt=0)
    sms_plain: bool = False
    """Whether to remove diacritics: a message is one segment instead of two or three."""
    sms_parts: int = Field(default=3, ge=1, le=10)
    """The most segments of an SMS. A longer text is cut, but for the status page's address."""

    zalo_url: str | None = None
    """The gateway's address; ``/zalo`` is added to it."""
    zalo_token: str = ""
    zalo_secret: str | None = None
    zalo_rate: float = Field(default=50.0, gt=0)
    zalo_length: int = Field(default=2000, ge=200, le=10_000)
    """The most characters of a Zalo message; a longer one is cut as an SMS is. Zalo takes 2,000
    from an official account, and refuses longer texts."""
    zalo2_url: str | None = None
    zalo2_token: str = ""
    zalo2_secret: str | None = None
    zalo2_rate: float = Field(default=50.0, gt=0)

    gateway_connections: int = Field(default=8, ge=1, le=64)
    """Per gateway and instance."""
    gateway_timeout: float = Field(default=20.0, gt=0, le=50)
    """Seconds for one message. The group waits one minute for an instance that leaves it."""

    webhook_private: bool = False
    """Whether webhooks may go to plain HTTP and to addresses that are not public: for tests."""
    webhook_rate: float = Field(default=50.0, gt=0)

    receipts_url: str | None = None
    """The address at which gateways reach this service; ``/receipts/…`` is added to it."""
    provider_slow: float = Field(default=5.0, gt=0)
    """Seconds. A provider that usually takes longer is left for one that is known to be faster."""
    provider_rest: float = Field(default=10.0, gt=0)
    """Seconds after which one message tries a failing provider again."""

    @field_validator(*(f"{provider}_secret" for provider in SENDERS.values()), mode="after")
    @classmethod
    def _good_secret(cls, value: str | None) -> str | None:
        for secret in (value or "").split():
            key_of(secret)
        return value

    @model_validator(mode="after")
    def _no_secret_that_everyone_knows(self) -> Self:
        for provider in SENDERS.values():
            secrets: str = getattr(self, f"{provider}_secret") or ""
            if not self.trial and any(is_known(secret) for secret in secrets.split()):
                raise ValueError(
                    f"MOTCUA_{provider.upper()}_SECRET: everyone knows this secret, and could sign "
                    f'receipts with it; make one with: echo "whsec_$(openssl rand -base64 32)"'
                )
            if not self.trial and is_known(getattr(self, f"{provider}_token", "")):
                raise ValueError(
                    f"MOTCUA_{provider.upper()}_TOKEN: everyone knows this token; set the one that "
                    "the gateway's company gave you"
                )
        return self

    @model_validator(mode="after")
    def _no_password_in_clear(self) -> Self:
        for server in self.mail_servers():
            if (server.user is None) != (server.password is None):
                raise ValueError(f"{server.name}: a user and a password belong together")
            if server.user is not None and server.tls is Tls.NONE:
                raise ValueError(f"{server.name}: a password is not sent in clear; set its tls")
        return self

    @model_validator(mode="after")
    def _no_mail_in_clear(self) -> Self:
        for server in self.mail_servers():
            if server.tls is Tls.NONE and not (self.trial or _is_this_machine(server.host)):
                raise ValueError(
                    f"MOTCUA_{server.name.upper()}_TLS: mail would go to {server.host} in clear; "
                    "set starttls (port 587 or 25) or implicit (port 465)"
                )
        return self

    def mail_servers(self) -> list[MailServer]:
        """Return the first server, and the second if there is one."""
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
        """Return the first and second gateway for ``sms`` or ``zalo``, as far as they are set."""
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
        return Webhooks("webhook", private=self.webhook_private)

    def receipt_keys(self, provider: str) -> list[bytes]:
        """Return the keys with which a provider may sign its delivery receipts; empty: it sends
        none."""
        if provider not in SENDERS.values():
            return []
        secrets: str = getattr(self, f"{provider}_secret") or ""
        return [key_of(secret) for secret in secrets.split()]

    def limits(self) -> SwitchLimits:
        """Return when a provider counts as slow, and how long a failing one is left alone."""
        return SwitchLimits(slow=self.provider_slow, rest=self.provider_rest)

    def _receipts(self, provider: str) -> str | None:
        if self.receipts_url is None or not self.receipt_keys(provider):
            return None
        return f"{self.receipts_url.rstrip('/')}/receipts/{provider}"
