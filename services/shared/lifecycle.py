"""A dossier's public state at any time, from its facts, in whatever order they arrived.

Every service sees the facts in its own order. So that all four agree, the state is not advanced
step by step but folded from the marks that the facts leave, in event-time order. Two facts that
exclude each other (a withdrawal and a result of the same minute) are settled the same way
everywhere: the earlier one stands.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import IntEnum
from typing import TypeVar

import msgspec

from contracts.events import intake, routing
from contracts.model import EventData
from contracts.wire.envelope import Event


class PublicStatus(IntEnum):
    """The national portal's dossier states (Decision 1139/QD-BTTTT and the portal's own list)."""

    REGISTERED = 1
    RECEIVED = 2
    NOT_RECEIVED = 3
    IN_PROCESS = 4
    SUPPLEMENT_REQUESTED = 5
    PAYMENT_REQUESTED = 6
    WITHDRAWN = 7
    STOPPED = 8
    PROCESSED = 9
    RETURNED = 10

    @property
    def word(self) -> str:
        """The state's name for programs, e.g. ``in_process``."""
        return self.name.lower()


CLOCK_STOPPED = frozenset(
    {
        PublicStatus.SUPPLEMENT_REQUESTED,
        PublicStatus.PAYMENT_REQUESTED,
        PublicStatus.STOPPED,
    }
)
"""The states in which no working time is used up."""

ENDED = frozenset(
    {
        PublicStatus.NOT_RECEIVED,
        PublicStatus.WITHDRAWN,
        PublicStatus.PROCESSED,
        PublicStatus.RETURNED,
    }
)
"""The states that only the return of a result can leave."""


class Move(IntEnum):
    """What a fact does to a dossier's state. The numbers order facts of the same instant."""

    REGISTERED = 0
    RECEIVED = 1
    NOT_RECEIVED = 2
    STARTED = 3
    SUPPLEMENT_DEMANDED = 4
    SUPPLEMENT_DELIVERED = 5
    PAYMENT_DEMANDED = 6
    PAYMENT_SETTLED = 7
    STOPPED = 8
    RESUMED = 9
    WITHDRAWN = 10
    PROCESSED = 11
    RETURNED = 12


class Mark(msgspec.Struct, frozen=True, order=True, array_like=True):
    """What is kept of a fact: when, what it moved, and its id to settle the order."""

    time: datetime
    move: Move
    id: str


class Phase(msgspec.Struct, frozen=True, array_like=True):
    """From `since` until the next phase, the dossier is in `status`."""

    since: datetime
    status: PublicStatus


_MOVES: dict[type[EventData], Move] = {
    intake.DossierRegistered: Move.REGISTERED,
    intake.DossierReceived: Move.RECEIVED,
    intake.DossierNotReceived: Move.NOT_RECEIVED,
    intake.SupplementDemanded: Move.SUPPLEMENT_DEMANDED,
    intake.SupplementDelivered: Move.SUPPLEMENT_DELIVERED,
    intake.PaymentDemanded: Move.PAYMENT_DEMANDED,
    intake.DossierWithdrawn: Move.WITHDRAWN,
    routing.StepStarted: Move.STARTED,
    routing.DossierStopped: Move.STOPPED,
    routing.DossierResumed: Move.RESUMED,
    routing.DossierProcessed: Move.PROCESSED,
    routing.ResultReturned: Move.RETURNED,
}

MOVING_FACTS: tuple[type[EventData], ...] = (*_MOVES, intake.PaymentReceived)
"""The facts that a service must fold to know a dossier's public state."""


IMPORT_FACTS: tuple[type[EventData], ...] = (intake.HistoryCorrected, intake.HistoryClosed)
"""The facts by which an import says that it begins anew, and that it has told all."""


def mark_of(event: Event) -> Mark | None:
    """Return the mark that a fact leaves; None if it moves no state."""
    data = event.data
    move = _MOVES.get(type(data))
    if move is None:
        if not (isinstance(data, intake.PaymentReceived) and data.outstanding == 0):
            return None
        move = Move.PAYMENT_SETTLED
    return Mark(event.time, move, event.id[:13])


def with_mark(marks: Sequence[Mark], mark: Mark) -> tuple[Mark, ...]:
    """Return the marks with one more, in event-time order; a mark already there is not doubled."""
    if not marks or marks[-1] < mark:
        return (*marks, mark)
    if mark in marks:
        return tuple(marks)
    ordered = list(marks)
    insort(ordered, mark)
    return tuple(ordered)


class PhaseFold(msgspec.Struct, frozen=True, eq=False):
    """The phases that marks make, and what has to be known to fold the marks that follow."""

    phases: tuple[Phase, ...] = ()
    base: PublicStatus | None = None
    """The state but for what it waits for."""
    supplement: bool = False
    payment: bool = False
    stopped: bool = False


NOTHING_FOLDED = PhaseFold()


def folded(marks: Iterable[Mark], known: PhaseFold = NOTHING_FOLDED) -> PhaseFold:
    """Return the fold of the marks, in time order, that follow those which `known` was made of.

    A mark that the state does not allow (a delivery that was not demanded, a pause after the end)
    changes nothing; so the fold is defined for every set of facts.
    """
    before, base = known.phases, known.base
    supplement, payment, stopped = known.supplement, known.payment, known.stopped
    found: list[Phase] = []
    current = before[-1].status if before else None
    for mark in marks:
        move = mark.move
        if base is _IN_PROCESS or base is _RECEIVED_STATE:
            # Most marks by far are of a dossier that is being worked on.
            if move is Move.STARTED:
                base = _IN_PROCESS
            elif move is Move.SUPPLEMENT_DEMANDED:
                supplement = True
            elif move is Move.SUPPLEMENT_DELIVERED:
                supplement = False
            elif move is Move.PAYMENT_DEMANDED:
                payment = True
            elif move is Move.PAYMENT_SETTLED:
                payment = False
            elif move is Move.STOPPED:
                stopped = True
            elif move is Move.RESUMED:
                stopped = False
            elif move is Move.WITHDRAWN or move is Move.PROCESSED:
                base = _END_OF[move]
            else:
                continue
        elif (after := _ELSEWHERE.get((base, move))) is not None:
            base = after
        else:
            continue
        if base is not _IN_PROCESS and base is not _RECEIVED_STATE:
            status = base
        elif stopped:
            status = PublicStatus.STOPPED
        elif supplement:
            status = PublicStatus.SUPPLEMENT_REQUESTED
        elif payment:
            status = PublicStatus.PAYMENT_REQUESTED
        else:
            status = base
        if status is not current:
            current = status
            found.append(Phase(mark.time, status))
    return PhaseFold((*before, *found) if found else before, base, supplement, payment, stopped)


def phases(marks: Iterable[Mark]) -> list[Phase]:
    """Return the dossier's public states in time order, from marks in time order."""
    return list(folded(marks).phases)


_RECEIVED_STATE = PublicStatus.RECEIVED
_IN_PROCESS = PublicStatus.IN_PROCESS
_END_OF = {Move.WITHDRAWN: PublicStatus.WITHDRAWN, Move.PROCESSED: PublicStatus.PROCESSED}
_ELSEWHERE: dict[tuple[PublicStatus | None, Move], PublicStatus] = {
    (None, Move.REGISTERED): PublicStatus.REGISTERED,
    (None, Move.RECEIVED): PublicStatus.RECEIVED,
    (None, Move.NOT_RECEIVED): PublicStatus.NOT_RECEIVED,
    (PublicStatus.REGISTERED, Move.RECEIVED): PublicStatus.RECEIVED,
    (PublicStatus.REGISTERED, Move.NOT_RECEIVED): PublicStatus.NOT_RECEIVED,
    (PublicStatus.REGISTERED, Move.WITHDRAWN): PublicStatus.WITHDRAWN,
    (PublicStatus.PROCESSED, Move.RETURNED): PublicStatus.RETURNED,
}
"""The effect of a mark on a dossier that is not being worked on; other marks have none."""


def status_at(marks: Iterable[Mark], time: datetime) -> PublicStatus | None:
    """Return the public state at that time, facts of that instant included; None if none yet."""
    # Its phases by then are the first of all its phases.
    for phase in reversed(folded(marks).phases):
        if phase.since <= time:
            return phase.status
    return None


def status_of(marks: Iterable[Mark]) -> PublicStatus | None:
    """Return the newest public state; None if nothing has happened yet."""
    known = folded(marks).phases
    return known[-1].status if known else None


class Span(msgspec.Struct, frozen=True, omit_defaults=True):
    """The time in which a dossier was the city's to resolve; figures count by it."""

    received_at: datetime | None = None
    """None until it is received."""
    ended_at: datetime | None = None
    """When it was processed or withdrawn; None while it is open."""
    ended: PublicStatus | None = None
    """How it ended."""


def span_of(known: Sequence[Phase]) -> Span:
    """Return the span that a dossier's phases make."""
    received = next((p.since for p in known if p.status in _RECEIVED), None)
    if received is None:
        return Span()
    end = next((p for p in known if p.status in ENDED), None)
    return Span(received, end.since if end else None, end.status if end else None)


_RECEIVED = frozenset(PublicStatus) - {
    PublicStatus.REGISTERED,
    PublicStatus.NOT_RECEIVED,
    PublicStatus.WITHDRAWN,
}
"""The states of received dossiers only (a withdrawal may come before reception)."""


class LateEntry(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A head's approval that requests about the dossier are dated back beyond the limit."""

    request: str
    """The name of the request's type."""
    since: datetime
    """The earliest time that it may be dated to."""
    until: datetime
    """When it was approved, and the latest such time: whatever comes later is entered in time, or
    needs another approval."""


class Tracked(msgspec.Struct, frozen=True):
    """What every service's state of a dossier begins with."""

    marks: tuple[Mark, ...] = ()
    span: Span = Span()
    history: bool = False
    """Whether what is known comes from an import whose history is not closed yet."""
    replaced: tuple[str, ...] = ()
    """The beginnings of the ids of facts that a correction took back; in their order."""
    late_entries: tuple[LateEntry, ...] = ()
    """What heads approved."""

    @property
    def status(self) -> PublicStatus | None:
        """The dossier's public state."""
        return status_of(self.marks)


T = TypeVar("T", bound=Tracked)


def track(state: T, fact: Event) -> T:
    """Return the state with what a fact says about the dossier's public state."""
    history = fact.history and not isinstance(fact.data, intake.HistoryClosed)
    mark = mark_of(fact)
    if mark is None:
        if isinstance(fact.data, routing.LateEntryApproved):
            approved = LateEntry(fact.data.request, fact.data.at, fact.time)
            known = tuple(sorted({*state.late_entries, approved}))
            return msgspec.structs.replace(state, late_entries=known)
        if history is state.history or not fact.history:
            return state
        return msgspec.structs.replace(state, history=history)
    marks = with_mark(state.marks, mark)
    span = span_of(folded(marks).phases) if mark.move in _SPANNING else state.span
    return msgspec.structs.replace(state, marks=marks, span=span, history=history or state.history)


_SPANNING = frozenset(
    {Move.REGISTERED, Move.RECEIVED, Move.NOT_RECEIVED, Move.WITHDRAWN, Move.PROCESSED}
)
"""The moves that can change when a dossier was received or how it ended."""


class Handled(Tracked, frozen=True):
    """What services other than routing keep to know who handles a dossier."""

    unit: str | None = None
    """The unit that handles it, as far as is known."""
    unit_since: datetime | None = None
    unit_by: str = ""
    """The id of the hand-over that said so; empty for the competence rules."""


H = TypeVar("H", bound=Handled)


def handled_by(state: H, fact: Event, unit: str, *, by: str = "") -> H:
    """Return the state with the unit that a fact names, unless a later unit is known already.

    At the same instant, a hand-over outranks the rules, and the order is by id, as in routing.
    """
    since = state.unit_since
    if since is not None and (fact.time, by) < (since, state.unit_by):
        return state
    return msgspec.structs.replace(state, unit=unit, unit_since=fact.time, unit_by=by)
