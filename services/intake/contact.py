"""How contact data leaves intake: sealed under the person's own key, as an event of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from contracts.contacts import ContactRegistered
from contracts.envelope import Event, derive_id
from contracts.values import Locale
from services.runtime.citizen_keys import Sealed

Email = Annotated[str, Field(pattern=r"^[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+$", max_length=254)]
Phone = Annotated[
    str, Field(pattern=r"^\+?[0-9][0-9 .-]{6,18}[0-9]$", examples=["+84 90 123 4567"])
]


class Contact(BaseModel):
    """Where a person wants to be told things. It is sealed before it leaves this process."""

    model_config = ConfigDict(extra="forbid")

    email: Email | None = None
    phone: Phone | None = None
    zalo: Phone | None = None
    """The number that their Zalo account has, if it is another one."""
    webhook: str | None = Field(default=None, pattern=r"^https?://\S+$", max_length=500)
    """Where a portal wants to be told; signed after the Standard Webhooks."""
    webhook_secret: str | None = Field(default=None, pattern=r"^whsec_[A-Za-z0-9+/=]{24,100}$")

    @model_validator(mode="after")
    def _reaches_someone(self) -> Contact:
        if not (self.email or self.phone or self.zalo or self.webhook):
            raise ValueError("give at least one of email, phone, zalo and webhook")
        if (self.webhook is None) != (self.webhook_secret is None):
            raise ValueError("a webhook has an address and a secret")
        return self

    def plain(self) -> bytes:
        """What is sealed: JSON."""
        return self.model_dump_json(exclude_none=True).encode()


def contact_event(
    citizen: str, sealed: Sealed, locale: Locale, time: datetime, cause: str
) -> Event:
    """The event that tells notify, and nobody else, where the person can be reached."""
    return Event(
        id=derive_id("contact", citizen, cause),
        source="/motcua/intake",
        subject=citizen,
        time=time,
        data=ContactRegistered(key_id=sealed.key_id, sealed=sealed.text, locale=locale),
        cause=cause,
    )
