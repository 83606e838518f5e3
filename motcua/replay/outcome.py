"""What became of one dossier: its date, and what was said and told, net of what proved wrong."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from services.notify.dossier.state import Notify
from services.notify.wording.template import Template
from services.sla.dossier.state import Sla


class NetAlert(NamedTuple):
    """An alert, and what it is about."""

    dossier: str
    kind: str
    at: datetime
    about: str
    due: datetime
    stands: bool
    """Whether it was not taken back."""


class NetMessage(NamedTuple):
    """A message about a dossier that was planned to be sent."""

    dossier: str
    template: str
    channel: str
    audience: str
    at: datetime
    stands: bool
    """Whether it was not taken back, and takes nothing back."""


class DossierOutcome(msgspec.Struct, frozen=True):
    """What became of one dossier."""

    dossier: str
    procedure: str
    due: datetime | None
    letters: int
    alerts: tuple[NetAlert, ...]
    messages: tuple[NetMessage, ...]


def outcome_of(
    dossier: str, states: Mapping[str, Any], taken_back: Collection[str]
) -> DossierOutcome:
    """Return what became of a dossier; `states` by service, as far as each knows it.

    `taken_back`: the ids of the messages that proved wrong.
    """
    sla, told = states.get("sla"), states.get("notify")
    assert sla is None or isinstance(sla, Sla)
    assert told is None or isinstance(told, Notify)
    return DossierOutcome(
        dossier,
        (sla.procedure if sla else None) or (told.procedure if told else None) or "",
        sla.due_told if sla else None,
        len(sla.letters) if sla else 0,
        tuple(
            NetAlert(dossier, a.meant, a.at, a.about, a.due, not a.retracted)
            for a in (sla.alerts if sla else ())
        ),
        tuple(
            NetMessage(
                dossier,
                m.template,
                m.channel,
                m.audience,
                m.at,
                m.template != Template.RETRACTED and m.message_id not in taken_back,
            )
            for m in (told.messages if told else ())
            if m.not_sent is None and m.digest_at is None
        ),
    )
