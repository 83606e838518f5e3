"""What notify is told beyond what every service is."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from contracts.catalogue import Catalogue
from contracts.notify import ClockTime, MessageChannel
from services.notify.policy import Policy
from services.notify.when import Quiet, clock_time
from services.runtime.sealing import ContactSettings


def _by_comma(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


class NotifySettings(ContactSettings):
    """How people are told things."""

    channels: Annotated[tuple[MessageChannel, ...], NoDecode, BeforeValidator(_by_comma)] = Field(
        default=(MessageChannel.LEDGER,), min_length=1, max_length=4
    )
    """By what citizens are told who have not chosen, e.g. ``email,sms``. ``ledger`` only writes
    down, which is what a replay does; it stands alone."""
    quiet_from: ClockTime = "21:00"
    quiet_until: ClockTime = "07:00"
    """Between these times of day in Vietnam nothing is sent that can wait."""
    often: int = Field(default=3, ge=1)
    """So many messages about one dossier in a day are told one by one; the rest in a digest."""
    digest_after_minutes: int = Field(default=240, ge=1)
    rating_after_minutes: int = Field(default=120, ge=1)
    """When a citizen is asked how content they are, after they were given the result."""
    ratings: bool = True
    tells_officers: bool = True
    morning: ClockTime = "07:30"
    """When the heads of units get their digest."""

    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(default=25, ge=1, le=65535)
    smtp_sender: str = "mot-cua@example.test"
    smtp_connections: int = Field(default=4, ge=1, le=64)
    smtp_timeout: float = Field(default=20.0, gt=0)
    """Seconds for one message, from greeting to the server's answer."""

    def policy(self, catalogue: Catalogue) -> Policy:
        """What every message is judged by."""
        return Policy(
            catalogue,
            channels=self.channels,
            quiet=Quiet(clock_time(self.quiet_from), clock_time(self.quiet_until)),
            often=self.often,
            digest_after=timedelta(minutes=self.digest_after_minutes),
            rating_after=timedelta(minutes=self.rating_after_minutes),
            ratings=self.ratings,
            tells_officers=self.tells_officers,
            morning=clock_time(self.morning),
        )
