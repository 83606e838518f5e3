"""What notify knows of one dossier, what it has planned to tell, and what the citizen sees."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import msgspec

from contracts.events.notify import Audience, MessageChannel, NotSentReason, UnitAlertKind
from contracts.events.sla import MoveCause
from contracts.model import EventData
from services.shared.lead import Lead, lead_at
from services.shared.lifecycle import Handled


class Planned(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message about the dossier, or the reason why there is none."""

    at: datetime
    message_id: str
    template: str
    channel: MessageChannel
    audience: Audience = Audience.CITIZEN
    not_sent: NotSentReason | None = None
    digest_at: datetime | None = None
    """When it is told with others in a digest; None if it is a message of its own."""


class Gathered(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message that waits to be told in a digest."""

    at: datetime
    message_id: str
    cause_id: str
    channel: MessageChannel
    template: str
    params: dict[str, str]
    digest_at: datetime


class Notice(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Who was told of an alert, and by what channel; they are told if it proves wrong."""

    alert_id: str
    audience: Audience
    recipient: str
    channel: MessageChannel
    message_id: str = ""
    """Empty if a digest told of the alert, among other things."""


class HistoryEntry(msgspec.Struct, frozen=True, array_like=True, order=True):
    """One line of the dossier's history, as the citizen may read it."""

    at: datetime
    what: str
    """The name of the fact."""
    id: str
    unit: str = ""
    text: str = ""
    """A reason, in the officer's words."""
    channel: str = ""
    """The channel by which a result was returned; empty in entries of an older release."""

    def of(self, fact: type[EventData]) -> bool:
        """Return whether the entry is a fact of that class."""
        return self.what == fact.NAME


class Choice(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the citizen wants to be told."""

    at: datetime
    channels: tuple[MessageChannel, ...] = ()
    """Empty: the city's channels."""
    locale: str | None = None
    opted_out: bool = False
    quiet_from: str | None = None
    quiet_until: str | None = None


class Demand(msgspec.Struct, frozen=True, omit_defaults=True):
    """A demand on the citizen."""

    at: datetime
    reason: str
    documents: tuple[str, ...] = ()
    amount: int = 0
    until: datetime | None = None


class Papers(msgspec.Struct, frozen=True, array_like=True):
    """The papers that the citizen handed in with the dossier, as recorded at the counter."""

    names: tuple[str, ...]
    """The first of the papers."""
    more: int = 0
    """How many there are beyond these."""


class OpenStep(msgspec.Struct, frozen=True, array_like=True, order=True):
    """The step that started last."""

    at: datetime
    ordinal: int
    name: str
    unit: str


class OnDesk(msgspec.Struct, frozen=True, array_like=True):
    """An alert as it was put on a unit's desk."""

    morning: str
    at: datetime
    """The alert's own time."""
    alert: UnitAlertKind
    due: datetime
    lead: str | None
    """The officer who led the open step then; None if unknown."""


class Letter(msgspec.Struct, frozen=True, omit_defaults=True):
    """The unit's apology."""

    at: datetime
    reason: str
    due: datetime | None
    """The new date; None if no letter has given one."""
    unit: str
    previous: datetime | None = None
    """The date that was not kept; None in a letter that an older release kept."""
    delegated: bool = False
    """Whether an officer signed it by the head's delegation."""


class Notify(Handled, frozen=True):
    """One dossier as notify sees it. It knows the citizen by reference only."""

    LAYOUT: ClassVar[int] = 2

    code: str = ""
    citizen: str | None = None
    locale: str = "vi"
    procedure: str | None = None
    receiving_unit: str | None = None
    returning_unit: str | None = None
    papers: Papers | None = None
    """None if nobody recorded what was handed in."""
    due: datetime | None = None
    original_due: datetime | None = None
    budget: int = 0
    """The promised amount of time; 0 if a date was promised."""
    counted_in: str = ""
    """The unit of `budget`."""
    moved_by: MoveCause | None = None
    """Why sla last moved the due time; None too if an older sla did not say."""
    choice: Choice | None = None
    plan: tuple[str, ...] = ()
    """The names of the workflow's steps."""
    workflow: str | None = None
    step: OpenStep | None = None
    leads: tuple[Lead, ...] = ()
    """In event-time order."""
    lead: Lead | None = None
    """The last lead, which is all that an older release kept."""
    supplement: Demand | None = None
    """The newest demand, whether it is met by now or not."""
    payment: Demand | None = None
    outcome: str | None = None
    letter: Letter | None = None
    exempt: bool = False
    """Whether the unit owes no letter of apology."""
    rating: int | None = None
    notices: tuple[Notice, ...] = ()
    """The alerts that the citizen and heads were told of."""
    alerted: dict[str, OnDesk | str] = msgspec.field(default_factory=dict)
    """The alerts that were put on a unit's desk, by id: breaches that stand, and others until the
    dossier was resolved. For alerts of an older release, the morning alone."""
    overdue: dict[str, datetime] = msgspec.field(default_factory=dict)
    """The breaches that stand: the due time by the alert's id."""
    messages: tuple[Planned, ...] = ()
    """In the order of time and id."""
    gathered: tuple[Gathered, ...] = ()
    story: tuple[HistoryEntry, ...] = ()
    """What happened, in event-time order."""

    def noticed(self, alert_id: str, audience: Audience) -> list[Notice]:
        """Return who in the audience was told of the alert, and by what channel."""
        return [n for n in self.notices if (n.alert_id, n.audience) == (alert_id, audience)]

    def led_at(self, moment: datetime) -> str | None:
        """Return the officer who led the open step at that time; None if unknown."""
        return lead_at(self.leads or ((self.lead,) if self.lead is not None else ()), moment)

    def desk_of(self, alert_id: str) -> str | None:
        """Return the morning on whose desk the alert was put; None if it is on no desk."""
        known = self.alerted.get(alert_id)
        return known.morning if isinstance(known, OnDesk) else known
