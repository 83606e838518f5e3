"""What became of each message to a citizen."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from contracts.model import EventData, Kind
from contracts.values import CitizenRef, Locale

_TOPIC = "notification.events"


class MessageChannel(StrEnum):
    """By what a message travels."""

    LEDGER = "ledger"
    """Written down and sent to nobody: what a replay uses."""
    EMAIL = "email"


class NotSentReason(StrEnum):
    """Why a message was not sent."""

    HISTORICAL = "historical"
    """It is about a past that was imported."""
    NO_CONTACT = "no-contact"
    """The citizen left no address for this channel."""
    REJECTED = "rejected"
    """The provider refused it for good."""
    EXPIRED = "expired"
    """It could not be delivered while it still meant something."""


class MessagePlanned(EventData, kind=Kind.FACT, owner="notify", topic=_TOPIC):
    """One message per dossier, cause, recipient and channel is to be sent."""

    message_id: str
    cause_id: str
    citizen: CitizenRef
    channel: MessageChannel
    template: str
    locale: Locale
    params: dict[str, str] = Field(default_factory=dict)
    """What the template says beyond the dossier's code: due times, reasons, units."""


class MessageSent(EventData, kind=Kind.FACT, owner="notify", topic=_TOPIC):
    """The provider has accepted the message."""

    message_id: str
    channel: MessageChannel


class MessageNotSent(EventData, kind=Kind.FACT, owner="notify", topic=_TOPIC):
    """The message will not be sent."""

    message_id: str
    channel: MessageChannel
    reason: NotSentReason
    detail: str | None = None
