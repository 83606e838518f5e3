"""Notify's own settings, beyond those of every service."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_settings import NoDecode

from contracts.catalogue import Catalogue
from contracts.events.notify import ClockTime, MessageChannel
from services.notify.channels.settings import ChannelSettings
from services.notify.dossier.policy import Policy
from services.notify.quiet_hours import QuietHours, clock_time
from services.shared.lookup_secrets import LookupSettings

_NEEDED = {
    MessageChannel.SMS: "sms_url",
    MessageChannel.ZALO: "zalo_url",
}


def _by_comma(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _web_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("write it like https://hoso.example.vn, without ? and #")
    return url.rstrip("/")


class LinkSettings(LookupSettings):
    """What links to the status page are made of."""

    public_url: Annotated[str, AfterValidator(_web_address)] | None = None
    """The address at which citizens reach the status page. Messages and receipts contain it; if it
    is not set, they contain no address."""


class NotifySettings(ChannelSettings, LinkSettings):
    """How people are told things."""

    channels: Annotated[tuple[MessageChannel, ...], NoDecode, BeforeValidator(_by_comma)] = Field(
        default=(MessageChannel.LEDGER,), min_length=1, max_length=4
    )
    """The channels for citizens who have not chosen, e.g. ``email,sms``. ``ledger`` only writes
    messages down, as a replay does; it stands alone."""
    quiet_from: ClockTime = "21:00"
    quiet_until: ClockTime = "07:00"
    """Between these times of day in Vietnam nothing is sent that can wait."""
    often: int = Field(default=3, ge=1)
    """This many messages about one dossier in a day are told one by one; the rest in a digest."""
    digest_after_minutes: int = Field(default=240, ge=1)
    rating_after_minutes: int = Field(default=120, ge=1)
    """How long after getting the result a citizen is asked for a rating."""
    ratings: bool = True
    tells_officers: bool = True
    morning: ClockTime = "07:30"
    """When the heads of units get their digest."""
    breach_after_minutes: int = Field(default=10, ge=0)
    """Heads are told this long after a dossier became overdue, of all that are overdue by then."""
    breach_every_minutes: int = Field(default=60, ge=0)
    """Heads are told of later overdue dossiers at least this long after the last message."""

    look_every: float = Field(default=0.05, gt=0.0)
    """Seconds between two looks at what is due when nothing signals due messages: twenty cheap
    index look-ups a second."""

    @model_validator(mode="after")
    def _every_channel_has_a_provider(self) -> Self:
        for channel, provider in _NEEDED.items():
            if channel in self.channels and getattr(self, provider) is None:
                raise ValueError(f"channels: {channel} needs {provider}")
        return self

    @property
    def carries(self) -> bool:
        """Whether messages leave the house; with ``ledger`` they are only written down."""
        return self.channels != (MessageChannel.LEDGER,)

    def _carried(self) -> frozenset[MessageChannel]:
        mute = {channel for channel, url in _NEEDED.items() if getattr(self, url) is None}
        return frozenset(MessageChannel) - mute - {MessageChannel.LEDGER}

    def policy(self, catalogue: Catalogue) -> Policy:
        """Return the policy that every message is judged by."""
        return Policy(
            catalogue,
            channels=self.channels,
            carried=self._carried(),
            quiet=QuietHours(clock_time(self.quiet_from), clock_time(self.quiet_until)),
            often=self.often,
            digest_after=timedelta(minutes=self.digest_after_minutes),
            rating_after=timedelta(minutes=self.rating_after_minutes),
            ratings=self.ratings,
            tells_officers=self.tells_officers,
            morning=clock_time(self.morning),
            breach_after=timedelta(minutes=self.breach_after_minutes),
            breach_every=timedelta(minutes=self.breach_every_minutes),
        )
