"""By when a citizen may expect the result, and why then. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.lifecycle import CLOCK_STOPPED, ENDED, PublicStatus, phases
from contracts.sla import MoveCause, TimeUnit
from services.notify.page.say import Say
from services.notify.page.words import Moment, Words
from services.notify.state import Notify

_BY_BUDGET = {unit: f"why.{unit}" for unit in TimeUnit}
_BY_MOVE = {
    MoveCause.TIME_GIVEN_BACK: "why.time-given-back",
    MoveCause.OTHER_HOURS: "why.other-hours",
    MoveCause.EXTENDED: "why.letter",
    MoveCause.RULES_CHANGED: "why.rules-changed",
}
WHY_KEYS = frozenset(
    {
        *_BY_BUDGET.values(),
        *_BY_MOVE.values(),
        "why.paused",
        "why.stopped",
        "why.late",
        "why.late-exempt",
        "why.late-new-date",
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
    moved: Say | None
    """Why it is another; None if it is not."""
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
    original = state.original_due if state.original_due != due else None
    moved = _moved(state, words) if original else None
    expected = letter.due if late and letter is not None and letter.due > due else None
    return Promise(
        words.moment(due),
        words.moment(original) if original else None,
        moved,
        words.moment(expected) if expected and status not in ENDED else None,
        _why(state, words, status, moved, late=late, new_date=expected is not None),
        late,
        status in CLOCK_STOPPED,
        status in ENDED,
    )


def _why(
    state: Notify,
    words: Words,
    status: PublicStatus,
    moved: Say | None,
    *,
    late: bool,
    new_date: bool,
) -> Say | None:
    if status in ENDED:
        ended = state.span.ended_at
        at = {"at": words.moment(ended).text} if ended else {}
        return Say("why.ended-late" if late else "why.ended", at)
    if late:
        if new_date:
            return Say("why.late-new-date")
        return Say("why.late-exempt" if state.exempt else "why.late")
    if status is PublicStatus.STOPPED:
        return Say("why.stopped")
    if status in CLOCK_STOPPED:
        return Say("why.paused")
    return moved or _standard_time(state, words)


def _moved(state: Notify, words: Words) -> Say:
    letter = state.letter
    if state.moved_by is not None:
        unit = letter.unit if letter is not None else state.unit or ""
        fields = {"unit": words.office(unit).name} if state.moved_by is MoveCause.EXTENDED else {}
        return Say(_BY_MOVE[state.moved_by], fields)
    # An older sla did not say why: it is concluded from what happened to the dossier.
    if letter is not None and letter.due == state.due:
        return Say("why.letter", {"unit": words.office(letter.unit).name})
    waited = any(phase.status in CLOCK_STOPPED for phase in phases(state.marks))
    return Say("why.time-given-back" if waited else "why.recomputed")


def _standard_time(state: Notify, words: Words) -> Say | None:
    procedure = words.catalogue.procedures.get(state.procedure or "")
    if procedure is None:
        return None
    return Say(_BY_BUDGET[procedure.budget.unit], {"count": str(procedure.budget.amount)})
