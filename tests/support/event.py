"""Facts and requests as events on the log."""

from __future__ import annotations

from datetime import datetime

from contracts.model import EventData
from contracts.wire.actor import Actor, AuthType
from contracts.wire.envelope import Event, derive_id

CODE = "H29.15-240304-0001"


def event(
    data: EventData,
    time: datetime,
    subject: str = CODE,
    *,
    id: str | None = None,
    history: bool = False,
    by: str = "cb-1",
) -> Event:
    """An event. Unless its id is given, it follows from its type, its dossier and its time."""
    made = id or derive_id("test", subject, data.TYPE, time.isoformat())
    return Event(made, "/tests", subject, time, data, history=history, actor=acting(by))


def acting(by: str) -> Actor:
    """Somebody who acts, without claims."""
    return Actor(AuthType.APP_USER, by)
