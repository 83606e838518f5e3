"""The dates that a dossier is promised: the original one, and those that letters put in its place;
with the warnings before each. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from contracts.events.sla import AlertKind
from services.shared.rulebook.book import RuleBook
from services.shared.working_time import WORKING_HOUR
from services.sla.clock.running import Reached, RunningSpans
from services.sla.clock.terms import Terms
from services.sla.dossier.state import Expected, Letter

_MILLION = 1_000_000


class Promise(msgspec.Struct, frozen=True):
    """One promised date, from its promise until another replaced it."""

    since: datetime
    until: datetime | None
    rest: int
    """Working seconds from `since` to the promise's end."""
    total: int
    """Working seconds of the whole, from the start of the clock."""
    breach: Reached | None
    letter: Letter | None
    """The letter that made it; None for the original date."""

    @property
    def due(self) -> datetime | None:
        return self.breach.at if self.breach else None


def promises_of(
    running: RunningSpans,
    total: int,
    first_due: datetime | None,
    letters: Sequence[Letter],
    book: RuleBook,
) -> Iterator[Promise]:
    """Yield the original date and those that letters put in its place.

    A letter promises its date, whichever unit has the dossier then. If the earlier date differs
    from the one in the letter, because a pause became known later, the second date moves as the
    first did: by working time. What was late when the letter was issued stays late.
    """
    start = since = running.pieces[0].begin
    rest = total
    breach = running.reached(start, total, first_due)
    moved = 0
    made_by: Letter | None = None
    for letter in letters:
        if moved == book.apology.max_extensions:
            break
        if breach is None or (breach.happened and breach.at < letter.at):
            break
        if letter.at < start:
            continue
        then = running.as_of(letter.at)
        last, due_then = then.pieces[-1], then.reached(since, rest, first_due)
        assert letter.due is not None  # else it promises nothing: see `course`
        added = last.calendar.measure(letter.previous, letter.due)
        if added <= 0:
            continue
        yield Promise(since, letter.at, rest, total, breach, made_by)
        if last.end is None and due_then is not None and due_then.at == letter.previous:
            first_due, rest = letter.due, running.ahead(letter.at, letter.due)
        else:
            first_due, rest = None, rest + added - running.used(since, letter.at)
        total = running.used(start, letter.at) + rest
        since, made_by = letter.at, letter
        moved += 1
        breach = running.reached(since, rest, first_due)
    yield Promise(since, None, rest, total, breach, made_by)


def warnings(running: RunningSpans, promise: Promise, terms: Terms) -> Iterator[Expected]:
    for share in terms.soon_due_shares:
        # Exactly seven tenths, for example, and not a second less.
        seconds = promise.rest * _millionths(share) // _MILLION
        reached = running.reached(promise.since, seconds)
        if reached is None or not reached.happened:
            continue
        if promise.until is not None and reached.at >= promise.until:
            continue
        certain = reached.certain or promise.until is not None
        yield Expected(
            reached.at, AlertKind.SOON_DUE, str(share), promise.due or reached.at, certain
        )


def _millionths(share: float) -> int:
    """Return a share in whole millionths as an officer wrote it: 0.7 is not a binary fraction."""
    return round(share * _MILLION)


def letter_by(running: RunningSpans, promise: Promise, book: RuleBook) -> Reached | None:
    """Return the last moment for a letter to be in time: its lead time before the first date."""
    notice = book.apology.notice_working_hours * WORKING_HOUR
    never_before = -(-promise.rest * _millionths(book.apology.never_before_share) // _MILLION)
    return running.reached(promise.since, max(promise.rest - notice, never_before))
