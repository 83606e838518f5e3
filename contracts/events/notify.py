"""What a citizen chooses to be told, what they and the officers are told, and what became of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from contracts.events.sla import AlertKind
from contracts.model import EventData, Kind
from contracts.values import (
    CitizenRef,
    FreeText,
    Instant,
    Locale,
    OfficerId,
    ProcedureCode,
    RecipientRef,
    UnitCode,
)

_MESSAGES = "notification.events"
_ALERTS = "unit.alerts"

UNIT_DAY = r"^[A-Z][A-Z0-9]*(\.[A-Z0-9]+)*@\d{4}-\d{2}-\d{2}$"
"""A unit's morning: whose digest goes out on that day, e.g. ``H29.15@2024-03-08``."""


class MessageChannel(StrEnum):
    """By what a message travels."""

    LEDGER = "ledger"
    """Written down and sent to nobody: what a replay uses."""
    EMAIL = "email"
    SMS = "sms"
    ZALO = "zalo"
    WEBHOOK = "webhook"


class Audience(StrEnum):
    """Whom a message is for. The recipient's reference is a citizen's, or a staff number."""

    CITIZEN = "citizen"
    HEAD = "head"
    """The head of a unit."""
    OFFICER = "officer"
    """Who leads the open step (cán bộ thụ lý)."""


class NotSentReason(StrEnum):
    """Why a message was not sent."""

    HISTORICAL = "historical"
    """It is about a past that was imported."""
    NO_CONTACT = "no-contact"
    """The recipient left no address for this channel."""
    REJECTED = "rejected"
    """The provider refused it for good."""
    EXPIRED = "expired"
    """It could not be delivered while it still meant something."""
    OPTED_OUT = "opted-out"
    """The citizen does not want to be told such things."""
    IN_DIGEST = "in-digest"
    """It was told together with others, in a digest."""
    TAKEN_BACK = "taken-back"
    """What it told of proved wrong before it was sent; or it takes back what was never sent."""
    SUPERSEDED = "superseded"
    """It waited for a digest, and by then it was not so any more."""
    ERASED = "erased"
    """The recipient's contact data was erased."""


ClockTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["21:00"])]
"""A time of day in Vietnam."""


class Preferences(EventData):
    """How the citizen of one dossier wants to be told. What is None is as the city has it."""

    channels: tuple[MessageChannel, ...] | None = Field(default=None, min_length=1, max_length=4)
    locale: Locale | None = None
    opted_out: bool = False
    """Tell only what must be told: what is asked of the citizen, stops, results and refusals,
    apologies, and what takes back what was said wrongly."""
    quiet_from: ClockTime | None = None
    """From then on nothing is sent that can wait until `quiet_until`."""
    quiet_until: ClockTime | None = None


class PreferencesRequested(Preferences, kind=Kind.REQUEST, owner="notify"):
    """The citizen chooses, on the dossier's status page or at a counter."""


class PreferencesSet(Preferences, kind=Kind.FACT, owner="notify"):
    """What the citizen chose holds for what happens from now on; an opt-out holds for what was
    planned before and waits, too."""


class RatingRequested(EventData, kind=Kind.REQUEST, owner="notify"):
    """The citizen says how content they are, with one tap."""

    score: int = Field(ge=1, le=5)


class RatingGiven(EventData, kind=Kind.FACT, owner="notify"):
    """How content the citizen is, from 1 to 5 (mức độ hài lòng); asked and answered once."""

    score: int = Field(ge=1, le=5)


class _Message(EventData):
    message_id: str
    cause_id: str
    channel: MessageChannel
    template: str
    locale: Locale
    params: dict[str, str] = Field(default_factory=dict)
    """What the template says beyond the dossier's code: due times, reasons, units."""


class MessagePlanned(_Message, kind=Kind.FACT, owner="notify", topic=_MESSAGES, version=2):
    """One message per dossier, cause, recipient and channel is to be sent."""

    recipient: RecipientRef
    """A citizen's reference; for another audience a staff number."""
    audience: Audience = Audience.CITIZEN
    send_at: Instant | None = None
    """Not before then: it would come at night. None: at once."""
    expires_at: Instant | None = None
    """After that it says nothing that is worth telling. None: never. In a stream, whose told time
    says nothing about providers, it is tried for as many real seconds as lie between."""
    quiet_from: ClockTime | None = None
    quiet_until: ClockTime | None = None
    """Nor is it sent between these times, though it is late: by a live city's clock. None: it is
    urgent, or the recipient has no such hours."""
    takes_back: str | None = None
    """The message that proved wrong: if that was never sent, this one is not either."""


class MessageGathered(_Message, kind=Kind.FACT, owner="notify", topic=_MESSAGES):
    """The dossier changes often: this is told with others, in one digest."""

    citizen: CitizenRef
    digest_at: Instant


class MessageSent(EventData, kind=Kind.FACT, owner="notify", topic=_MESSAGES):
    """The provider has accepted the message."""

    message_id: str
    channel: MessageChannel
    provider: str | None = None
    reference: str | None = None
    """The provider's own name for it."""
    parts: int = Field(default=1, ge=1, le=10_000)
    """The segments that an SMS was cut into."""
    wording: str | None = None
    """The version of the templates that it was worded by; None for what was only written down."""


class MessageNotSent(EventData, kind=Kind.FACT, owner="notify", topic=_MESSAGES):
    """The message will not be sent."""

    message_id: str
    channel: MessageChannel
    reason: NotSentReason
    detail: str | None = None


class OptOutSet(EventData, kind=Kind.FACT, owner="notify", topic=_MESSAGES):
    """The citizen opted out, or in again. As long as they are out, what was planned until then and
    was not handed over yet is not sent, but for what the law demands."""

    opted_out: bool


class MessageDelivered(EventData, kind=Kind.FACT, owner="notify", topic=_MESSAGES):
    """The provider's receipt: it reached the recipient's phone or mailbox."""

    message_id: str
    provider: str


class MessageUndelivered(EventData, kind=Kind.FACT, owner="notify", topic=_MESSAGES):
    """The provider's receipt: it did not reach the recipient, and will not."""

    message_id: str
    provider: str
    reason: str = Field(max_length=500)


class UnitAlerted(EventData, kind=Kind.FACT, owner="notify", topic=_ALERTS):
    """Something for a unit's next morning digest, and a breach to be told at once. Its subject is
    the unit's morning.

    Said again of the same `alert_id`, it names another lead: the last one counts, for what is told
    from then on.
    """

    SUBJECT_FIELD = "morning"

    morning: str = Field(pattern=UNIT_DAY)
    unit: UnitCode
    dossier: str
    alert_id: str
    alert: AlertKind
    due: Instant
    at: Instant | None = None
    """The alert's own time: when the step or the dossier became overdue, or was soon due."""
    lead: OfficerId | None = None
    """Who led the open step at that time, as far as is known."""
    procedure: ProcedureCode | None = None


class UnitAlertCleared(EventData, kind=Kind.FACT, owner="notify", topic=_ALERTS):
    """The alert was taken back or the dossier was done: what was not told yet is not told."""

    SUBJECT_FIELD = "morning"

    morning: str = Field(pattern=UNIT_DAY)
    alert_id: str
    reason: FreeText
    wrong: bool = False
    """It was never so: whoever was told of it is told that, too."""
    due: Instant | None = None
    """When the dossier is due, if it proved wrong and that is known."""
