"""How contact data leaves intake: sealed under the person's own key, in an event of its own."""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_address
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from yarl import URL

from contracts.events.contacts import AddressKind, ContactRegistered
from contracts.values import Locale
from contracts.wire.actor import NOBODY, Actor
from contracts.wire.envelope import Event, derive_id
from services.intake.telephone import mobile
from services.shared.addresses import IN_NO_MAILBOX, zalo
from services.shared.citizen_keys import Sealed
from services.shared.person import Person, of_a_dossier


def _email(written: str) -> str:
    if IN_NO_MAILBOX.intersection(written):
        raise ValueError("give one address and nothing else, such as an@example.vn")
    return written


def _zalo(written: str) -> str:
    try:
        zalo(written, number=mobile)
    except ValueError as error:
        raise ValueError(f"{error}; {_GOOD_NUMBER}, or Zalo's own id of the user") from None
    return written


def _webhook(written: str) -> str:
    try:
        url = URL(written)
    except ValueError:
        raise ValueError(f"this is no address; {_GOOD_WEBHOOK}") from None
    if url.scheme not in ("https", "http") or not url.raw_host:
        raise ValueError(f"it must begin with https:// and name a host; {_GOOD_WEBHOOK}")
    if url.user is not None or url.password is not None:
        raise ValueError("leave user and password out: each call is signed with webhook_secret")
    if url.scheme == "http" and not _of_our_own(url.raw_host):
        raise ValueError(f"plain HTTP is not called; {_GOOD_WEBHOOK}")
    return written


def _of_our_own(host: str) -> bool:
    """Return whether a host cannot exist on the internet: where a test city has its receivers.

    Whether notify calls such hosts is its setting (``webhook_private``), not known here.
    """
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.rpartition(".")[2] in _OURS


_OURS = frozenset({"internal", "local", "localhost", "test"})
"""Endings of names that nobody has on the internet (RFC 6761, RFC 6762, ICANN's ``internal``)."""


_FEWEST_DIGITS = 6
"""A text with fewer digits is not a telephone number."""
_GOOD_NUMBER = (
    "give a mobile number such as 0903 123 456, or another country's such as +1 202 555 0143"
)
_GOOD_WEBHOOK = "give one such as https://portal.example.vn/motcua"

Email = Annotated[
    str,
    Field(pattern=r"^[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+$", max_length=254),
    AfterValidator(_email),
]
Phone = Annotated[str, Field(max_length=40, examples=["+84 90 123 4567"])]
Zalo = Annotated[str, Field(max_length=40, examples=["+84 90 123 4567"]), AfterValidator(_zalo)]
Webhook = Annotated[
    str,
    Field(pattern=r"^\S+$", max_length=500, examples=["https://portal.example.vn/motcua"]),
    AfterValidator(_webhook),
]


class Contact(BaseModel):
    """Where a person wants to be told things. It is sealed before it leaves this process."""

    model_config = ConfigDict(extra="forbid")

    email: Email | None = None
    zalo: Zalo | None = None
    """The number of their Zalo account, if it differs from `phone`."""
    webhook: Webhook | None = None
    """Where a portal wants to be told; calls are signed by the Standard Webhooks."""
    webhook_secret: str | None = Field(default=None, pattern=r"^whsec_[A-Za-z0-9+/=]{24,100}$")
    phone: Phone | None = None
    """A mobile number. With another contact, it may be one that takes no messages."""

    @field_validator("phone")
    @classmethod
    def _takes_messages(cls, written: str | None, info: ValidationInfo) -> str | None:
        if written is None:
            return None
        try:
            mobile(written)
        except ValueError as error:
            told_otherwise = any(info.data.get(name) for name in ("email", "zalo", "webhook"))
            # A dossier is not to be refused because of a landline.
            if not (told_otherwise and sum(c.isdigit() for c in written) >= _FEWEST_DIGITS):
                raise ValueError(f"{error}; {_GOOD_NUMBER}: others take no messages") from None
        return written

    @model_validator(mode="after")
    def _reaches_someone(self) -> Contact:
        if not (self.email or self.phone or self.zalo or self.webhook):
            raise ValueError("give at least one of email, phone, zalo and webhook")
        if (self.webhook is None) != (self.webhook_secret is None):
            raise ValueError("a webhook has an address and a secret")
        return self

    def plain(self) -> bytes:
        """Return the JSON that is sealed."""
        return self.model_dump_json(exclude_none=True).encode()


class OneAddress(Contact):
    """One address, which a person is to prove to be theirs."""

    @model_validator(mode="after")
    def _is_one(self) -> OneAddress:
        if sum(getattr(self, kind) is not None for kind in AddressKind) != 1:
            raise ValueError("give one of email, phone, zalo and webhook: each is proven by itself")
        return self

    @property
    def kind(self) -> AddressKind:
        """Which it is."""
        return next(kind for kind in AddressKind if getattr(self, kind) is not None)

    def plain(self) -> bytes:
        """Return the JSON that is sealed: the address, and nothing of whose it is."""
        return self.model_dump_json(include=set(Contact.model_fields), exclude_none=True).encode()


def contact_event(
    whose: Person,
    sealed: Sealed,
    locale: Locale,
    time: datetime,
    cause: str,
    actor: Actor = NOBODY,
    *,
    dossier: str | None = None,
) -> Event:
    """Return the event that tells notify, and no other service, where the person can be reached;
    with a `dossier`, as far as that dossier is concerned."""
    subject = of_a_dossier(dossier) if dossier else whose.subject
    return Event(
        id=derive_id("contact", subject, cause),
        source="/motcua/intake",
        subject=subject,
        time=time,
        data=ContactRegistered(
            key_id=sealed.key_id,
            sealed=sealed.text,
            locale=locale,
            citizen=whose.ref if dossier else None,
        ),
        cause=cause,
        actor=actor,
        recorded=time,
    )
