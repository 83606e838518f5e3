"""How facts change what notify knows, in whatever order they arrive."""

from __future__ import annotations

import msgspec

from contracts import intake, notify, routing, sla
from contracts.envelope import Event
from contracts.lifecycle import handled_by, track
from contracts.model import EventData
from services.notify.state import Notify, Planned

ALERTS = frozenset({"soon-due", "overdue"})
"""The templates by which a citizen is told of an alert."""


def evolve(state: Notify, fact: Event) -> Notify:
    """The state after a fact. A fact that does not concern notify changes nothing."""
    if fact.data.OWNER not in ("sla", "notify"):
        # What is concluded from a told past may follow the past's end: it is no past itself.
        state = track(state, fact)
    return _evolve(state, fact, fact.data)


def _evolve(state: Notify, fact: Event, data: EventData) -> Notify:
    replace = msgspec.structs.replace
    match data:
        case intake.DossierReceived() | intake.DossierRegistered():
            return replace(
                state,
                citizen=data.citizen,
                locale=data.locale,
                procedure=data.procedure,
                returning_unit=data.returning_unit,
            )
        case routing.DossierRouted():
            return handled_by(state, fact, data.handling_unit)
        case routing.DossierHandedOver():
            return handled_by(state, fact, data.to_unit, by=fact.id)
        case sla.DeadlineSet() | sla.DeadlineMoved():
            # What sla said last counts: after a fact that came late, its time may be the earlier.
            return replace(state, due=data.due)
        case notify.MessagePlanned():
            if data.template in ALERTS:
                told = tuple(sorted({*state.told_alerts, data.cause_id}))
                state = replace(state, told_alerts=told)
            return _with(state, Planned(fact.time, data.message_id, data.template, data.channel))
        case notify.MessageNotSent():
            template = data.detail or ""
            kept = Planned(fact.time, data.message_id, template, data.channel, data.reason)
            return _with(state, kept)
        case _:
            return state


def _with(state: Notify, message: Planned) -> Notify:
    messages = sorted((*state.messages, message), key=lambda m: (m.at, m.message_id))
    return msgspec.structs.replace(state, messages=tuple(messages))
