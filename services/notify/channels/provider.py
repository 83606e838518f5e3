"""What every provider is to the sender: it takes a message, or says in one of three ways why not.

One question separates the three: may a person be told twice if another provider is asked?
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from services.notify.wording.renderer import RenderedMessage


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way to one address."""

    message_id: str
    """The idempotency key: the same at every attempt."""
    dossier: str
    """The subject of the message: a dossier's code, or a unit's morning."""
    to: str
    """The recipient's address as given; each client knows what a valid one looks like."""
    text: RenderedMessage
    secret: str | None = None
    """The key for signing, if this recipient wants signed messages."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has taken the message and answers for it."""

    provider: str
    reference: str | None = None
    """The provider's own name for the message."""
    parts: int = 1
    """The number of segments of an SMS."""


class Rejected(Exception):
    """No provider will ever take this message: the number is invalid, or the address refused."""


class NoAddress(Rejected):
    """The address is invalid: no provider was asked."""


class NotTaken(Exception):
    """Certainly not accepted: another provider may be asked at once.

    `retry_after`: the seconds after which this provider wants to be asked again, if it said so.
    """

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Deferred(NotTaken):
    """The provider works, but cannot reach this one recipient now: their mailbox is full, or their
    domain is unknown. It says nothing about other recipients."""


class Misconfigured(NotTaken):
    """The provider does not know us, or is not where we look for it: an operator must see to it."""


class MaybeTaken(Exception):
    """It may have been accepted: only this provider may be asked again, with the same key.

    `silent`: no answer came in time; otherwise the connection broke off.
    """

    def __init__(self, detail: str, *, silent: bool = False) -> None:
        super().__init__(detail)
        self.silent = silent


class Provider(Protocol):
    """One provider of one channel. Used by several tasks at once."""

    name: str
    """As in its settings: ``smtp``, ``sms2``."""
    keyed: bool
    """Whether it recognises a repetition by its key; otherwise the recipient gets it again."""

    async def send(self, message: Outgoing) -> Accepted:
        """Return once the provider has accepted it. Raise Rejected, NotTaken or MaybeTaken."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
