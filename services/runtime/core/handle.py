"""Applies one record to one subject. Pure: the engine loads before it and writes after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from contracts.model import EventData
from contracts.wire.actor import system
from contracts.wire.envelope import Event, caused, derive_id, short_id
from services.runtime.core.decider import Decider, S, Timer
from services.runtime.core.stored import UNKNOWN, Stored, mark_of
from services.runtime.core.world import World


class TimerStuck(Exception):
    """A timer's firing came to nothing, or left the same timer waiting: a defect of the decider,
    which it shows on one subject."""


def handle(
    decider: Decider[S],
    world: World,
    stored: Stored[S],
    event: Event,
    mark: tuple[bytes, bytes] | None = None,
) -> list[Event]:
    """Apply an event that was not applied yet; return the events that it causes.

    `mark`: its `short_id`, and what `content_of` its record returns; without it the content is not
    known.

    Timers of the subject that had passed by the event's time fire first, except those that wait for
    the clock. Raise whatever the decider raises; the caller then restores the subject.
    """
    caused_events = fire_timers(decider, world, stored, event.time, by_event=True)
    short, content = (short_id(event.id), UNKNOWN) if mark is None else mark
    stored.note(short, content)
    if event.type in decider.requests:
        facts = _apply(decider, world, stored, event, decider.decide(world, stored.state, event))
        stored.answer(event, facts)
    else:
        stored.state = decider.evolve(world, stored.state, event)
        facts = _apply(decider, world, stored, event, decider.react(world, stored.state, event))
    return [*caused_events, *facts]


def fire_timers(
    decider: Decider[S],
    world: World,
    stored: Stored[S],
    before: datetime,
    *,
    by_event: bool = False,
) -> list[Event]:
    """Fire the subject's timers that had passed before the given time, each in its order.

    `by_event`: the time is that of an event of the subject. Raise TimerStuck for a defect.
    """
    fired: list[Event] = []
    timer = next_timer(decider, world, stored)
    while timer is not None and timer.at < before and not (by_event and timer.clock_alone):
        cause = Event(
            id=timer_id(decider, stored.subject, timer),
            source=f"/motcua/{decider.name}",
            subject=stored.subject,
            time=timer.at,
            data=_NOTHING,
            history=timer.own_time,
            actor=system(decider.name),
            recorded=timer.at,
        )
        said = decider.fire(world, stored.state, timer)
        if not (facts := _apply(decider, world, stored, cause, said)):
            raise TimerStuck(f"{decider.name}: {timer.name} of {stored.subject} came to nothing")
        following = next_timer(decider, world, stored)
        if following == timer:
            raise TimerStuck(f"{decider.name}: {timer.name} of {stored.subject} fires for ever")
        timer = following
        fired += facts
    return fired


def next_timer(decider: Decider[S], world: World, stored: Stored[S]) -> Timer | None:
    """Return what the subject waits for next: it is asked before each of its records and after its
    last one in a batch, and told by the state and the world alone."""
    known = stored.waits
    if known is not None and known[0] is stored.state and known[1] is world:
        return known[2]
    timer = decider.timer(world, stored.state)
    stored.waits = stored.state, world, timer
    return timer


def timer_id(decider: Decider[S], subject: str, timer: Timer) -> str:
    """Return the id that stands for a timer's firing: the cause of what comes of it."""
    return derive_id(decider.name, subject, timer.name, timer.at.isoformat())


def set_due(decider: Decider[S], world: World, stored: Stored[S]) -> None:
    """Set when the partition's clock must look at the subject again.

    While something is unsaid, `due` keeps its old value: the clock looks until it is said.
    """
    if stored.unsaid:
        return
    timer = None if stored.hold is not None else next_timer(decider, world, stored)
    stored.due = None if timer is None or timer.own_time else timer.at


def _apply(
    decider: Decider[S],
    world: World,
    stored: Stored[S],
    cause: Event,
    data: Sequence[EventData],
) -> list[Event]:
    if not data:
        return []
    events = caused(cause, f"/motcua/{decider.name}", data)
    for event in events:
        if event.type in decider.facts:
            stored.note(*mark_of(event))
            stored.state = decider.evolve(world, stored.state, event)
    return events


_NOTHING = EventData()
