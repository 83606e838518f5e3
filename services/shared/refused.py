"""How a decision refuses: it raises Refused, and the request's own refusal becomes the fact."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

from contracts.events.refusals import Refusal, RefusalReason
from contracts.model import EventData
from contracts.wire.envelope import Event
from services.shared.lifecycle import PublicStatus, Tracked, status_at

C = TypeVar("C")
S = TypeVar("S")


class Refused(Exception):
    """The dossier's state does not allow the request."""

    def __init__(self, reason: RefusalReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


Decision: TypeAlias = Callable[[C, S, Event, Any], Sequence[EventData]]
"""Returns the facts that follow from catalogue, state, request and its data. Raises Refused."""


def decide_by(
    table: Mapping[type[EventData], tuple[Decision[C, S], type[Refusal]]],
    catalogue: C,
    state: S,
    request: Event,
    check: Callable[[], None] | None = None,
    permit: Callable[[Refused | None], None] | None = None,
) -> Sequence[EventData]:
    """Return the facts of the request's decision in the table, or its refusal.

    `permit` and `check` raise Refused, too. `permit` is told what the decision refuses: who may not
    ask is told that instead. `check` is asked last: what the state does not allow anyway is
    answered by that.
    """
    decision, refusal = table[type(request.data)]
    try:
        try:
            facts = decision(catalogue, state, request, request.data)
        except Refused as error:
            if permit is not None:
                permit(error)
            raise
        if permit is not None:
            permit(None)
        if check is not None:
            check()
        return facts
    except Refused as error:
        return [refusal(reason=error.reason, detail=error.detail)]


def must_be(state: Tracked, at: datetime, allowed: frozenset[PublicStatus], *, to: str) -> None:
    """Raise Refused unless the dossier was in one of the states at that time.

    The request's time counts: what an officer enters today about yesterday is judged by the state
    of yesterday.
    """
    status = status_at(state.marks, at)
    if status not in allowed:
        now = "not there yet" if status is None else status.word.replace("_", " ")
        raise Refused(RefusalReason.WRONG_STATE, f"the dossier is {now}; it cannot {to}")
