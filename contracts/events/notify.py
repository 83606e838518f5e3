"""How a citizen wants to be told, what citizens and officers are told, and what became of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from contracts.events.sla import AlertKind
from contracts.model import EventData, Kind
from contracts.personal import Personal
from contracts.values import (
    CitizenRef,
    FreeText,
    Instant,
    Label,
    Locale,
    OfficerId,
    ProcedureCode,
    RecipientRef,
    UnitCode,
    Words,
)

_MESSAGES = "notification.events"
_ALERTS = "unit.alerts"

UNIT_DAY = r"^[A-Z][A-Z0-9]*(\.[A-Z0-9]+)*@\d{4}-\d{2}-\d{2}$"
"""The subject of a unit's morning: unit and day of its digest, e.g. ``H29.15@2024-03-08``."""


class MessageChannel(StrEnum):
    """By what a message travels."""

    LEDGER = "ledger"
    """Written down and sent to nobody, as in a replay."""
    EMAIL = "email"
    SMS = "sms"
    ZALO = "zalo"
    WEBHOOK = "webhook"


class Audience(StrEnum):
    """Who a message is for. The recipient's reference is a citizen's, or a staff number."""

    CITIZEN = "citizen"
    HEAD = "head"
    """The head of a unit."""
    OFFICER = "officer"
    """The lead of the open step (cán bộ thụ lý)."""


class NotSentReason(StrEnum):
    """Why a message was not sent."""

    HISTORICAL = "historical"
    """It is about an imported history."""
    NO_CONTACT = "no-contact"
    """The recipient left no address for this channel."""
    REJECTED = "rejected"
    """The provider refused it for good."""
    EXPIRED = "expired"
    """It could not be delivered before it lost its meaning."""
    OPTED_OUT = "opted-out"
    """The citizen has opted out of such messages."""
    IN_DIGEST = "in-digest"
    """It was told together with others, in a digest."""
    TAKEN_BACK = "taken-back"
    """It proved wrong before it was sent; or it takes back a message that was never sent."""
    SUPERSEDED = "superseded"
    """It waited for a digest, and was out of date by then."""
    ERASED = "erased"
    """The recipient's contact data was erased."""


ClockTime = Annotated[Label, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["21:00"])]
"""A time of day in Vietnam."""
ProviderReference = Annotated[str, Personal.CONTACT]


class Preferences(EventData):
    """How the citizen of one dossier wants to be told. None means the city's default."""

    channels: tuple[MessageChannel, ...] | None = Field(default=None, min_length=1, max_length=4)
    locale: Locale | None = None
    opted_out: bool = False
    """Tell only what must be told: what is asked of the citizen, stops, results and refusals,
    apologies, and corrections of wrong messages."""
    quiet_from: ClockTime | None = None
    """From this time, nothing that can wait is sent until `quiet_until`."""
    quiet_until: ClockTime | None = None


class PreferencesRequested(Preferences, kind=Kind.REQUEST, owner="notify"):
    """The citizen chooses preferences, on the dossier's status page or at a counter."""


class PreferencesSet(Preferences, kind=Kind.FACT, owner="notify"):
    """What the citizen chose. It applies to later events; an opt-out also applies to messages that
    are planned and still waiting."""


class RatingRequested(EventData, kind=Kind.REQUEST, owner="notify"):
    """The citizen says how content they are, with one tap."""

    score: int = Field(ge=1, le=5)


class RatingGiven(EventData, kind=Kind.FACT, owner="notify"):
    """How content the citizen is, from 1 to 5 (mức độ hài lòng); asked and answered once."""

    score: int = Field(ge=1, le=5)


class _Message(EventData):
    message_id: Label
    cause_id: Label
    channel: MessageChannel
    template: Label
    locale: Locale
    params: dict[Label, Words] = Field(default_factory=dict)
    """What the template says beyond the dossier's code: due times, reasons, units."""


CHANGE_SUBJECT = r"^contact-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
"""The subject of messages about a change of contact data: it names nobody."""


class MessagePlanned(_Message, kind=Kind.FACT, owner="notify", topic=_MESSAGES, version=2):
    """A message is to be sent: one per dossier, cause, recipient and channel."""

    SUBJECT_FIELD = "change"

    change: Label | None = Field(default=None, pattern=CHANGE_SUBJECT)
    """The change of contact data that it is about, and then its subject."""

    recipient: RecipientRef
    """A citizen's reference; for other audiences a staff number."""
    audience: Audience = Audience.CITIZEN
    send_at: Instant | None = None
    """Not before this time, so that it does not come at night. None: at once."""
    expires_at: Instant | None = None
    """After this time it is no longer worth telling. None: never. In a stream, whose time says
    nothing about providers, it is tried for as long in real time as from its due time to this."""
    quiet_from: ClockTime | None = None
    quiet_until: ClockTime | None = None
    """Nor is it sent between these times, even if it is late, by a live city's clock. None: it is
    urgent, or the recipient has no such hours."""
    takes_back: Label | None = None
    """The message that proved wrong. If that was never sent, this one is not sent either."""


class MessageGathered(_Message, kind=Kind.FACT, owner="notify", topic=_MESSAGES):
    """The dossier changes often: this is told with others, in one digest."""

    citizen: CitizenRef
    digest_at: Instant


class MessageSent(EventData, kind=Kind.FACT, owner="notify", topic=_MESSAGES):
    """The provider has accepted the message."""

    message_id: Label
    channel: MessageChannel
    provider: Label | None = None
    reference: ProviderReference | None = None
    """The provider's own id for it."""
    parts: int = Field(default=1, ge=1, le=10_000)
    """The number of segments of an SMS."""
    wording: Label | None = None
    """The version of the templates that worded it; None if it was only written down."""


class MessageNotSent(EventData, kind=Kind.FACT, owner="notify", topic=_MESSAGES):
    """The message will not be sent."""

    message_id: Label
    channel: MessageChannel
    reason: NotSentReason
    detail: Words | None = None


class OptOutSet(EventData, kind=Kind.FACT, owner="notify", topic=_MESSAGES):
    """The citizen opted out, or in again. While they are out, messages planned until then and not
    handed off yet are not sent, except those that the law demands."""

    opted_out: bool


class MessageDelivered(EventData, kind=Kind.FACT, owner="notify", topic=_MESSAGES):
    """The provider's delivery receipt: it reached the recipient's phone or mailbox."""

    message_id: Label
    provider: Label


class MessageUndelivered(EventData, kind=Kind.FACT, owner="notify", topic=_MESSAGES):
    """The provider's delivery receipt: it did not reach the recipient, and will not."""

    message_id: Label
    provider: Label
    reason: Words = Field(max_length=500)


class UnitAlertKind(StrEnum):
    """What is put on a unit's desk: sla's alerts, and a dossier that nobody is competent for."""

    SOON_DUE = AlertKind.SOON_DUE
    OVERDUE = AlertKind.OVERDUE
    LAST_CALL = AlertKind.LAST_CALL
    APOLOGY_OWED = AlertKind.APOLOGY_OWED
    SUPPLEMENT_REPEATED = AlertKind.SUPPLEMENT_REPEATED
    STEP_OVERDUE = AlertKind.STEP_OVERDUE
    CONSULTATION_OVERDUE = AlertKind.CONSULTATION_OVERDUE
    UNROUTED = "DossierUnroutable"
    """The unit that received it holds it until it is handed over by hand."""


class UnitAlerted(EventData, kind=Kind.FACT, owner="notify", topic=_ALERTS, version=2):
    """Something for a unit's next morning digest, and a breach to be told at once. Its subject is
    the unit's morning.

    Repeated with the same `alert_id`, it names another lead: the last one counts, for what is told
    from then on. Version 1 called a last call by the name of the letter that is owed.
    """

    SUBJECT_FIELD = "morning"

    morning: Label = Field(pattern=UNIT_DAY)
    unit: UnitCode
    dossier: Label
    alert_id: Label
    alert: UnitAlertKind
    due: Instant
    at: Instant | None = None
    """The alert's own time: when the step or the dossier became overdue, was soon due, or found no
    competent unit."""
    lead: OfficerId | None = None
    """The lead of the open step at that time, as far as is known."""
    procedure: ProcedureCode | None = None


class UnitAlertCleared(EventData, kind=Kind.FACT, owner="notify", topic=_ALERTS):
    """The alert was retracted, or the dossier done or handed over: what was not told yet is not."""

    SUBJECT_FIELD = "morning"

    morning: Label = Field(pattern=UNIT_DAY)
    alert_id: Label
    dossier: Label | None = None
    """The dossier's code."""
    reason: FreeText
    wrong: bool = False
    """It was wrong from the start: everyone who was told of it is told that, too."""
    due: Instant | None = None
    """When the dossier is due, if the alert proved wrong and that is known."""
