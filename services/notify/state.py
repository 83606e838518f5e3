"""What notify knows of one dossier, and which messages it has planned about it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from contracts.lifecycle import Handled


class Planned(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message about the dossier, or the reason why there is none."""

    at: datetime
    message_id: str
    template: str
    channel: str
    not_sent: str | None = None


class Notify(Handled, frozen=True):
    """One dossier as notify sees it: what the citizen sees."""

    citizen: str | None = None
    locale: str = "vi"
    procedure: str | None = None
    returning_unit: str | None = None
    due: datetime | None = None
    told_alerts: tuple[str, ...] = ()
    """Ids of alerts that a message was planned about."""
    messages: tuple[Planned, ...] = ()
    """In the order of time and id."""
