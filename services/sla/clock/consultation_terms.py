"""By when consulted authorities are to answer, and which of them are late."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from contracts.events.sla import AlertKind
from services.shared.consultations import Answer, Question, paired
from services.sla.clock.terms import Terms
from services.sla.dossier.state import Expected, Sla


class ConsultationTerm(msgspec.Struct, frozen=True):
    """A question to another authority, which has its own time to answer."""

    unit: str
    opened_at: datetime
    due: datetime
    answered_at: datetime | None


def consultations(state: Sla, terms: Terms) -> list[ConsultationTerm]:
    """Return each question to another authority, with its answer if any, as routing pairs them.

    An answer without a question does not count, nor does a question before the dossier's reception
    or after its end.
    """
    if not state.consultations:
        return []  # as it is with nearly all
    asked = [a for a in state.consultations if not a.answer]
    pairs = paired(
        [Question(a.at, a.id, a.unit, "", "") for a in asked],
        [Answer(a.at, a.id, a.unit, "", "") for a in state.consultations if a.answer],
    )
    budgets = {(a.unit, a.at): a.budget for a in asked}
    received, ended = state.span.received_at, state.span.ended_at
    found: list[ConsultationTerm] = []
    for pair in pairs:
        opened = pair.opened_at
        if opened is None or received is None or opened < received:
            continue
        if ended is not None and opened >= ended:
            continue
        budget = budgets[pair.unit, opened] or terms.book.consultation.budget
        due = terms.calendars.for_unit(pair.unit).due(opened, budget)
        found.append(ConsultationTerm(pair.unit, opened, due, pair.answered_at))
    return found


def late_answers(state: Sla, terms: Terms) -> Iterator[Expected]:
    """Yield late answers. An authority's own hours count; its clock runs on in a pause."""
    ended = state.span.ended_at
    told: set[tuple[str, datetime]] = set()
    for asked in consultations(state, terms):
        # An answer after the dossier's end was awaited only until that end.
        end = min((e for e in (asked.answered_at, ended) if e is not None), default=None)
        # A unit that is reminded before its office opens owes one answer, not two.
        if (end is None or asked.due < end) and (asked.unit, asked.due) not in told:
            told.add((asked.unit, asked.due))
            yield Expected(
                asked.due, AlertKind.CONSULTATION_OVERDUE, asked.unit, asked.due, end is not None
            )
