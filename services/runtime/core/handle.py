"""Applies one record to one subject. Pure: the engine loads before it and writes after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from contracts.model import EventData
from contracts.wire.actor import system
from contracts.wire.envelope import Event, caused, derive_id, short_id
from services.runtime.core.decider import Decider, S
from services.runtime.core.stored import Stored


class TimerStuck(Exception):
    """A timer's firing came to nothing, or left the same timer waiting: a defect."""


def handle(decider: Decider[S], stored: Stored[S], event: Event) -> list[Event]:
    """Apply an event that was not applied yet; return the events that it causes.

    Timers of the subject that had passed by the event's time fire first, except those that wait for
    the clock. Raise whatever the decider raises; the caller then restores the subject.
    """
    caused_events = fire_timers(decider, stored, event.time, by_event=True)
    short = short_id(event.id)
    stored.note(short)
    if event.type in decider.requests:
        facts = _apply(decider, stored, event, decider.decide(stored.state, event))
        stored.answer(event, facts)
    else:
        stored.state = decider.evolve(stored.state, event)
        facts = _apply(decider, stored, event, decider.react(stored.state, event))
    return [*caused_events, *facts]


def fire_timers(
    decider: Decider[S], stored: Stored[S], before: datetime, *, by_event: bool = False
) -> list[Event]:
    """Fire the subject's timers that had passed before the given time, each in its order.

    `by_event`: the time is that of an event of the subject. Raise TimerStuck for a defect.
    """
    fired: list[Event] = []
    timer = decider.timer(stored.state)
    while timer is not None and timer.at < before and not (by_event and timer.clock_alone):
        cause = Event(
            id=derive_id(decider.name, stored.subject, timer.name, timer.at.isoformat()),
            source=f"/motcua/{decider.name}",
            subject=stored.subject,
            time=timer.at,
            data=_NOTHING,
            history=timer.own_time,
            actor=system(decider.name),
            recorded=timer.at,
        )
        if not (facts := _apply(decider, stored, cause, decider.fire(stored.state, timer))):
            raise TimerStuck(f"{decider.name}: {timer.name} of {stored.subject} came to nothing")
        following = decider.timer(stored.state)
        if following == timer:
            raise TimerStuck(f"{decider.name}: {timer.name} of {stored.subject} fires for ever")
        timer = following
        fired += facts
    return fired


def set_due(decider: Decider[S], stored: Stored[S]) -> None:
    """Set when the partition's clock must look at the subject again.

    While something is unsaid, `due` keeps its old value: the clock looks until it is said.
    """
    if stored.unsaid:
        return
    timer = None if stored.hold is not None else decider.timer(stored.state)
    stored.due = None if timer is None or timer.own_time else timer.at


def _apply(
    decider: Decider[S], stored: Stored[S], cause: Event, data: Sequence[EventData]
) -> list[Event]:
    if not data:
        return []
    events = caused(cause, f"/motcua/{decider.name}", data)
    for event in events:
        if event.type in decider.facts:
            stored.note(short_id(event.id))
            stored.state = decider.evolve(stored.state, event)
    return events


_NOTHING = EventData()
