"""What notify says when time has passed: a digest of what was gathered, and the request to rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial

import msgspec

from contracts.events import notify
from contracts.events.notify import Audience, MessageChannel, NotSentReason
from contracts.model import EventData
from contracts.wire.envelope import derive_id
from services.notify.dossier.params import local, standing
from services.notify.dossier.plan import messages, planned
from services.notify.dossier.policy import Policy
from services.notify.dossier.state import Gathered, Notify
from services.notify.wording.template import Template
from services.runtime import Timer
from services.shared.lifecycle import ENDED, PublicStatus, status_at


class TimerKind(StrEnum):
    """What a dossier waits for before its citizen is told something."""

    DIGEST = "digest"
    """About a channel, and what is gathered for it."""
    RATING = "rating"


_AT_WORK = frozenset({PublicStatus.RECEIVED, PublicStatus.IN_PROCESS})


def next_timer(policy: Policy, state: Notify) -> Timer | None:
    """Return the next timer: a digest, or the request for a rating; None if there is none."""
    waiting: list[Timer] = []
    if state.gathered:
        at, channel = min((g.digest_at, g.channel) for g in state.gathered)
        # A late entry may be due at a time whose digest is out: that is another timer.
        of = derive_id(*(g.message_id for g in _due(state, channel, at)))
        waiting.append(Timer(at, TimerKind.DIGEST, (channel, of)))
    if policy.ratings and (returned := _returned_at(state)) is not None:
        waiting.append(Timer(returned + policy.rating_after, TimerKind.RATING))
    if len(waiting) < 2:
        return waiting[0] if waiting else None
    return min(waiting, key=lambda t: (t.at, t.kind))


def fired(policy: Policy, state: Notify, passed: Timer) -> Sequence[EventData]:
    """Return the facts that follow from a timer that has passed."""
    match passed.kind:
        case TimerKind.DIGEST:
            channel, _ = passed.about
            return _digest(policy, state, passed.at, MessageChannel(channel))
        case TimerKind.RATING:
            return list(_rating(policy, state, passed.at))
    raise AssertionError(f"a dossier does not wait for {passed.kind}")


def _rating(policy: Policy, state: Notify, at: datetime) -> Iterator[EventData]:
    cause = derive_id("rating", state.code)
    params = {"procedure": state.procedure or ""}
    return messages(policy, state, Template.RATING, params, cause=cause, dossier=state.code, at=at)


def _returned_at(state: Notify) -> datetime | None:
    """Return when the result was returned; None if the citizen is not to be asked about it."""
    if state.history or state.rating is not None or state.citizen is None:
        return None
    if state.span.ended is not PublicStatus.PROCESSED or state.status is not PublicStatus.RETURNED:
        return None  # the first is known without looking at what happened
    told = [m for m in state.messages if m.audience is Audience.CITIZEN]
    if any(m.template == Template.RATING for m in told):
        return None
    # A citizen who was not told of the result (an import, an opt-out) is not asked about it.
    return next(
        (m.at for m in told if m.template == Template.RETURNED and m.not_sent is None), None
    )


def _due(state: Notify, channel: MessageChannel, at: datetime) -> list[Gathered]:
    return [g for g in state.gathered if g.channel == channel and g.digest_at <= at]


def _digest(
    policy: Policy, state: Notify, at: datetime, channel: MessageChannel
) -> Sequence[EventData]:
    assert state.citizen is not None
    said: list[EventData] = []
    due: list[Gathered] = []
    for waited in _due(state, channel, at):
        if (why := _ended(state, waited, at)) is not None:
            said.append(_not_sent(waited, why))
        elif "status" in waited.params:
            now = {**waited.params, **standing(state, at)}
            due.append(msgspec.structs.replace(waited, params=now))
        else:
            due.append(waited)
    told = partial(planned, policy, state, citizen=state.citizen, channel=channel, at=at)
    if len(due) == 1:
        one = due[0]
        # Alone it is no digest: it is told under its own template.
        said.append(told(one.template, one.params, message_id=one.message_id, cause=one.cause_id))
    elif due:
        # A new message: one that is out may have been sent.
        cause = derive_id("digest", state.code, at.isoformat(), *(g.message_id for g in due))
        said.append(
            told(
                Template.DIGEST,
                {"procedure": state.procedure or "", "items": _items(due)},
                message_id=derive_id("message", state.code, cause, state.citizen, channel),
                cause=cause,
                tells=[g.template for g in due],
            )
        )
        said += (_not_sent(g, NotSentReason.IN_DIGEST) for g in due)
    return said


def _ended(state: Notify, waited: Gathered, at: datetime) -> NotSentReason | None:
    """Return why a gathered message is no longer told at the digest's time; None if it is."""
    if state.choice is not None and state.choice.opted_out:
        return NotSentReason.OPTED_OUT  # nothing of what is gathered must be told
    status = status_at(state.marks, at)
    over = status in ENDED
    match waited.template:
        case Template.IN_PROCESS:
            over = status not in _AT_WORK
        case Template.RESUMED:
            over |= status is PublicStatus.STOPPED
        case Template.NEW_DATE:
            over |= _other_date(state, waited)
        case Template.SOON_DUE:
            due = state.due
            over = status not in _AT_WORK or due is None or due <= at or _other_date(state, waited)
        case _:
            over = False  # what was received stays received, whatever happened since
    return NotSentReason.SUPERSEDED if over else None


def _other_date(state: Notify, waited: Gathered) -> bool:
    return state.due is None or local(state.due) != waited.params.get("due")


def _not_sent(gathered: Gathered, reason: NotSentReason) -> notify.MessageNotSent:
    return notify.MessageNotSent(
        message_id=gathered.message_id,
        channel=gathered.channel,
        reason=reason,
        detail=gathered.template,
    )


def _items(gathered: Sequence[Gathered]) -> str:
    """Return what was gathered as JSON for the renderer: time, template, parameters, in order."""
    found = [{"at": local(g.at), "template": g.template, "params": g.params} for g in gathered]
    return msgspec.json.encode(found).decode()
