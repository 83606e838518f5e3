"""By when a citizen may expect the result, and why then. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.lifecycle import CLOCK_STOPPED, ENDED, PublicStatus, phases
from contracts.sla import TimeUnit
from services.notify.page.say import Say
from services.notify.page.words import Moment, Words
from services.notify.state import Notify

_BY_BUDGET = {unit: f"why.{unit}" for unit in TimeUnit}
WHY_KEYS = frozenset(
    {
        *_BY_BUDGET.values(),
        "why.paused",
        "why.stopped",
        "why.late",
        "why.late-new-date",
        "why.letter",
        "why.time-given-back",
        "why.recomputed",
        "why.ended",
        "why.ended-late",
    }
)
_UNPROMISED = frozenset({PublicStatus.NOT_RECEIVED, PublicStatus.WITHDRAWN})


@dataclass(frozen=True, slots=True)
class Promise:
    """The appointed time, and one line of reason."""

    due: Moment
    original: Moment | None
    """What was promised first, if that was another time."""
    expected: Moment | None
    """The new date of a letter that came when it was too late to move what is due."""
    why: Say | None
    late: bool
    paused: bool
    """The clock is stopped: what is due is computed anew when it goes on."""
    ended: bool


def promise(state: Notify, words: Words) -> Promise | None:
    """None as long as nothing is promised, and when nothing is due any more."""
    status, due = state.status, state.due
    if due is None or status is None or status in _UNPROMISED:
        return None
    letter = state.letter
    late = bool(state.overdue)
    moved = state.original_due is not None and state.original_due != due
    expected = letter.due if late and letter is not None and letter.due > due else None
    return Promise(
        words.moment(due),
        words.moment(state.original_due) if state.original_due and moved else None,
        words.moment(expected) if expected and status not in ENDED else None,
        _why(state, words, status, late=late, moved=moved, new_date=expected is not None),
        late,
        status in CLOCK_STOPPED,
        status in ENDED,
    )


def _why(
    state: Notify, words: Words, status: PublicStatus, *, late: bool, moved: bool, new_date: bool
) -> Say | None:
    if status in ENDED:
        ended = state.span.ended_at
        at = {"at": words.moment(ended).text} if ended else {}
        return Say("why.ended-late" if late else "why.ended", at)
    if late:
        return Say("why.late-new-date" if new_date else "why.late")
    if status is PublicStatus.STOPPED:
        return Say("why.stopped")
    if status in CLOCK_STOPPED:
        return Say("why.paused")
    if state.letter is not None and state.letter.due == state.due:
        return Say("why.letter", {"unit": words.office(state.letter.unit).name})
    if moved:
        # Which fact moved it is not kept. Where nobody waited, it is office hours or a rule.
        waited = any(phase.status in CLOCK_STOPPED for phase in phases(state.marks))
        return Say("why.time-given-back" if waited else "why.recomputed")
    procedure = words.catalogue.procedures.get(state.procedure or "")
    if procedure is None:
        return None
    return Say(_BY_BUDGET[procedure.budget.unit], {"count": str(procedure.budget.amount)})
