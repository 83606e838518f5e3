"""A subject whose timers cannot be fired: it is held by a dead letter, and the others go on."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime

from contracts.wire.codec import Fault
from contracts.wire.envelope import derive_id
from services.runtime.core.dead_letter import timers_record, to_dead_letter
from services.runtime.core.decided import Decided
from services.runtime.core.decider import Decider, S
from services.runtime.core.handle import set_due
from services.runtime.core.stored import Hold, Stored
from services.runtime.core.world import World

_LONGEST = 4000
_NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""Up to then no timer fires: what is tried again is only to say what the subject waits for."""


def hold_timers(
    decider: Decider[S],
    out: Decided[S],
    stored: Stored[S],
    until: datetime,
    now: datetime,
    fault: Fault,
    detail: str,
) -> None:
    """Hold a subject whose timers were being fired up to that time, with a dead letter.

    The subject is as it was before them. The same timers make the same dead letter again, however
    often a kill has them fired.
    """
    assert stored.hold is None  # what is held waits for no timer
    due = "" if stored.due is None else stored.due.isoformat()
    mark = derive_id(decider.name, stored.subject, "timers", due)
    place = f"{decider.topic}/{stored.partition}/timers-{mark}"
    stored.hold = Hold(1, 1, fault, detail[:_LONGEST])
    stored.due = None
    out.dirty[stored.subject] = stored
    out.outcomes["timers", "dead"] += 1
    out.faults[fault] += 1
    out.last_error = f"{fault}: {detail}"
    out.set_aside.append((stored.subject, place, fault, detail))
    record = timers_record(stored.subject, until)
    out.dead_letters.append(to_dead_letter(place, record, fault, detail, stored.hold.count, now))


def set_due_or_hold(
    decider: Decider[S], world: World, out: Decided[S], stored: Stored[S], now: datetime
) -> None:
    """Set when the clock must look at the subject again; hold it if it cannot say that."""
    try:
        set_due(decider, world, stored)
    except Exception as error:  # noqa: BLE001  (whatever a decider raises is in the letter)
        fault = Fault.TIMER_RAISED
        hold_timers(decider, out, stored, _NEVER, now, fault, trace_of(error))


def trace_of(error: Exception) -> str:
    """Return what a dead letter says of an error: its text, and where it was raised."""
    trace = "".join(traceback.format_exception(error)[-4:])
    return f"{error!r}\n{trace}"
