"""What every provider is to the sender: it takes a message, or says in one of three ways why not.

The three are told apart by one question: may somebody be told twice if another provider is asked?
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
    """The subject that it is about: a dossier's code, or a unit's morning."""
    to: str
    """The recipient's address, as it was given: each client knows what a good one looks like."""
    text: RenderedMessage
    secret: str | None = None
    """By which it is signed, if this recipient wants it signed."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has taken the message and answers for it."""

    provider: str
    reference: str | None = None
    """The provider's own name for it."""
    parts: int = 1
    """The segments that an SMS was cut into."""


class Rejected(Exception):
    """This message is taken by nobody, ever: the number is none, the address was refused."""


class NoAddress(Rejected):
    """The address is none: no provider was asked."""


class NotTaken(Exception):
    """Certainly not accepted: another provider may be asked at once.

    `retry_after` are the seconds after which this one wants to be asked again, if it said so.
    """

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Deferred(NotTaken):
    """It works, and cannot reach this one recipient now: their mailbox is full, their domain is
    not known. Says nothing of what is for anybody else."""


class Misconfigured(NotTaken):
    """The provider does not know us, or is not where we look for it: somebody has to see to it."""


class MaybeTaken(Exception):
    """It may have been accepted: only this provider may be asked again, with the same key.

    `silent` says that no answer came in time; otherwise the connection broke off.
    """

    def __init__(self, detail: str, *, silent: bool = False) -> None:
        super().__init__(detail)
        self.silent = silent


class Provider(Protocol):
    """One provider of one channel. Used by several tasks at once."""

    name: str
    """As in its settings: ``smtp``, ``sms2``."""
    keyed: bool
    """Whether it knows a repetition by its key; otherwise the recipient gets it once more."""

    async def send(self, message: Outgoing) -> Accepted:
        """Returns once the provider has accepted it. Raises Rejected, NotTaken or Unknown."""
        ...

    async def close(self) -> None:
        """Drops the connections."""
        ...
