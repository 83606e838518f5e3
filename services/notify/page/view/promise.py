"""When a citizen may expect the result, and why then. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contracts.events.sla import MoveCause, TimeUnit
from services.notify.dossier.state import Notify
from services.notify.page.text.phrase import Phrase
from services.notify.page.text.words import LocalTime, Words
from services.shared.lifecycle import CLOCK_STOPPED, ENDED, PublicStatus, phases

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
        "why.late-again",
        "why.late-apologised",
        "why.late-exempt",
        "why.late-new-date",
        "why.recomputed",
        "why.ended",
        "why.ended-late",
    }
)
_UNPROMISED = frozenset({PublicStatus.NOT_RECEIVED, PublicStatus.WITHDRAWN})


@dataclass(frozen=True, slots=True)
class Appointment:
    """The appointed time, and one line of reason."""

    due: LocalTime
    original: LocalTime | None
    """The time promised first, if it was another."""
    moved: Phrase | None
    """Why the time changed; None if it did not."""
    expected: LocalTime | None
    """The new date of a letter that came too late to move the due time."""
    again: bool
    """Whether the letter's date was missed too: there will be no other."""
    why: Phrase | None
    late: bool
    paused: bool
    """Whether the clock is stopped: the due time is computed again when it goes on."""
    ended: bool


def promise(state: Notify, words: Words, now: datetime | None = None) -> Appointment | None:
    """Return the appointed time; None if nothing is promised yet, or nothing is due any more.

    `now` as in `missed_again`.
    """
    status, due = state.status, state.due
    if due is None or status is None or status in _UNPROMISED:
        return None
    letter = state.letter
    late = bool(state.overdue)
    original = state.original_due if state.original_due != due else None
    moved = _moved(state, words) if original else None
    new_date = letter.due if letter is not None else None
    expected = new_date if late and new_date is not None and new_date > due else None
    again = missed_again(state, now)
    return Appointment(
        words.moment(due),
        words.moment(original) if original else None,
        moved,
        words.moment(expected) if expected and status not in ENDED else None,
        again,
        _why(state, words, status, moved, again=again, new_date=expected is not None),
        late,
        status in CLOCK_STOPPED,
        status in ENDED,
    )


def missed_again(state: Notify, now: datetime | None = None) -> bool:
    """Return whether the date of the letter of apology was missed too.

    A letter that came after the breach moves no deadline, and no fact says that its date passed: it
    takes `now` to see it. Without `now`, only what facts said counts.
    """
    letter, due = state.letter, state.due
    if letter is None or letter.due is None or due is None or not state.overdue:
        return False
    if letter.due <= due:
        return True
    until = state.span.ended_at if state.status in ENDED else now
    # A stopped clock waits for the citizen: meanwhile no date of the unit's passes.
    return until is not None and letter.due < until and state.status not in CLOCK_STOPPED


def _why(
    state: Notify,
    words: Words,
    status: PublicStatus,
    moved: Phrase | None,
    *,
    again: bool,
    new_date: bool,
) -> Phrase | None:
    late = bool(state.overdue)
    if status in ENDED:
        ended = state.span.ended_at
        at = {"at": words.moment(ended).text} if ended else {}
        return Phrase("why.ended-late" if late else "why.ended", at)
    if late:
        if again:
            office = words.office(_responsible(state))
            return Phrase("why.late-again", {"unit": office.name, "address": office.address})
        if new_date:
            return Phrase("why.late-new-date")
        if state.letter is not None:
            return Phrase("why.late-apologised")
        return Phrase("why.late-exempt" if state.exempt else "why.late")
    if status is PublicStatus.STOPPED:
        return Phrase("why.stopped")
    if status in CLOCK_STOPPED:
        return Phrase("why.paused")
    return moved or _standard_time(state, words)


def _responsible(state: Notify) -> str:
    """Return the unit that has the dossier now; if none is known, the one that apologised."""
    return state.unit or (state.letter.unit if state.letter is not None else "")


def _moved(state: Notify, words: Words) -> Phrase:
    letter = state.letter
    if state.moved_by is not None:
        unit = letter.unit if letter is not None else state.unit or ""
        fields = {"unit": words.office(unit).name} if state.moved_by is MoveCause.EXTENDED else {}
        return Phrase(_BY_MOVE[state.moved_by], fields)
    # An older sla did not say why: it is derived from what happened to the dossier.
    if letter is not None and letter.due == state.due:
        return Phrase("why.letter", {"unit": words.office(letter.unit).name})
    waited = any(phase.status in CLOCK_STOPPED for phase in phases(state.marks))
    return Phrase("why.time-given-back" if waited else "why.recomputed")


def _standard_time(state: Notify, words: Words) -> Phrase | None:
    if not state.budget:
        return None
    return Phrase(_BY_BUDGET[TimeUnit(state.counted_in)], {"count": str(state.budget)})
