"""Which answer of a consulted authority belongs to which question (lấy ý kiến cơ quan khác)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec


class Question(msgspec.Struct, frozen=True):
    """What an authority was asked."""

    at: datetime
    id: str
    unit: str
    question: str
    by: str


class Answer(msgspec.Struct, frozen=True):
    """What an authority answered."""

    at: datetime
    id: str
    unit: str
    answer: str
    by: str


class Consultation(msgspec.Struct, frozen=True):
    """A question to an authority and its answer."""

    unit: str
    question: str | None = None
    """None if only the answer is known: an older system may record nothing else."""
    opened_at: datetime | None = None
    opened_by: str | None = None
    answer: str | None = None
    answered_at: datetime | None = None
    answered_by: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether the authority still owes the answer."""
        return self.answered_at is None


def paired(questions: Sequence[Question], answers: Sequence[Answer]) -> tuple[Consultation, ...]:
    """Pair questions and answers into consultations, in event-time order.

    An answer answers all open questions that its unit was asked before: asking again is a reminder.
    If none is open, it answers one question of the same instant.
    """
    found: list[Consultation] = []
    told: list[Question | Answer] = [*questions, *answers]
    for item in sorted(told, key=_order):
        if isinstance(item, Question):
            _ask(found, item)
        else:
            _answer(found, item)
    return tuple(found)


def unanswered_since(
    questions: Sequence[Question], answers: Sequence[Answer], unit: str, at: datetime
) -> datetime | None:
    """Return since when the unit owed an answer at that time; None if it owed none."""
    by_then = paired([q for q in questions if q.at <= at], [a for a in answers if a.at <= at])
    return next((c.opened_at for c in by_then if c.unit == unit and c.is_open), None)


def is_asked_for(questions: Sequence[Question], answers: Sequence[Answer], more: Answer) -> bool:
    """Return whether one more answer has a question, and every known answer keeps its own."""
    return _unasked(questions, (*answers, more)) == _unasked(questions, answers)


def _ask(found: list[Consultation], asked: Question) -> None:
    alone = (asked.unit, None, asked.at)
    place = next(
        (i for i, c in enumerate(found) if (c.unit, c.opened_at, c.answered_at) == alone), None
    )
    if place is None:
        place = len(found)
        found.append(Consultation(asked.unit))
    found[place] = msgspec.structs.replace(
        found[place], question=asked.question, opened_at=asked.at, opened_by=asked.by
    )


def _answer(found: list[Consultation], answer: Answer) -> None:
    places = [i for i, c in enumerate(found) if c.unit == answer.unit and c.is_open]
    if not places:
        places = [len(found)]
        found.append(Consultation(answer.unit))
    for place in places:
        found[place] = msgspec.structs.replace(
            found[place], answer=answer.answer, answered_at=answer.at, answered_by=answer.by
        )


def _unasked(questions: Sequence[Question], answers: Sequence[Answer]) -> int:
    return sum(c.opened_at is None for c in paired(questions, answers))


def _order(item: Question | Answer) -> tuple[datetime, bool, str]:
    # The answer first: a question at the same instant as an answer asks anew.
    return item.at, isinstance(item, Question), item.id
