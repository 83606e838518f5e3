"""What notify decides when a citizen asks: their preferences, and their rating."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.events import notify, refusals
from contracts.events.notify import NotSentReason
from contracts.events.refusals import Refusal, RefusalReason
from contracts.model import EventData
from contracts.wire.envelope import Event
from services.notify.dossier.policy import Policy
from services.notify.dossier.state import Notify
from services.notify.wording.template import Template
from services.shared.lifecycle import PublicStatus
from services.shared.refused import Decision, Refused, decide_by, must_be
from services.shared.room import check_room

Facts = Sequence[EventData]


def decide(policy: Policy, state: Notify, request: Event) -> Facts:
    """Return the facts that a request comes to, or its one refusal."""
    return decide_by(_DECISIONS, policy, state, request, lambda: check_room(state, request))


def _prefer(_: Policy, state: Notify, request: Event, data: notify.PreferencesRequested) -> Facts:
    _known(state, request)
    facts: list[EventData] = [notify.PreferencesSet(**dict(data))]
    before = state.choice
    newest = before is None or before.at <= request.time
    if newest and data.opted_out != (before is not None and before.opted_out):
        # The sender already has what waits for the morning.
        facts.append(notify.OptOutSet(opted_out=data.opted_out))
    return facts


def _rate(_: Policy, state: Notify, request: Event, data: notify.RatingRequested) -> Facts:
    _known(state, request)
    must_be(state, request.time, _DONE, to="be rated: it has no result yet")
    if ended_in_the_past(state):
        raise Refused(RefusalReason.WRONG_STATE, "its end was told by an import; it was not ours")
    if state.rating is not None:
        raise Refused(RefusalReason.ALREADY_RATED, f"rated already, with {state.rating}")
    return [notify.RatingGiven(score=data.score)]


def ended_in_the_past(state: Notify) -> bool:
    """Return whether an import told the dossier's end as history, which nobody is asked to rate.

    A result that another system decided and the city returned is not of the past.
    """
    told = [m for m in state.messages if m.template in _OF_THE_END]
    return bool(told) and all(m.not_sent is NotSentReason.HISTORICAL for m in told)


_OF_THE_END = frozenset({Template.PROCESSED, Template.RETURNED, Template.NOT_RECEIVED})


def _known(state: Notify, request: Event) -> None:
    if state.citizen is None:
        raise Refused(RefusalReason.UNKNOWN_DOSSIER, f"there is no dossier {request.subject}")


_DONE = frozenset({PublicStatus.PROCESSED, PublicStatus.RETURNED, PublicStatus.NOT_RECEIVED})

_DECISIONS: dict[type[EventData], tuple[Decision[Policy, Notify], type[Refusal]]] = {
    notify.PreferencesRequested: (_prefer, refusals.PreferencesRefused),
    notify.RatingRequested: (_rate, refusals.RatingRefused),
}

REQUESTS = tuple(_DECISIONS)
"""The requests that notify decides."""
