"""Who has proven that an address is theirs: a change counts once its code is entered. Pure.

The times and numbers are those of NIST SP 800-63B for codes that are sent to somebody.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from contracts.events.contacts import (
    ContactChangeAsked,
    ContactChangeRefused,
    ContactChangeRequested,
    ContactErased,
    ContactProofRefused,
    ContactProofRequested,
    ContactProven,
)
from contracts.events.refusals import RefusalReason
from contracts.model import EventData
from contracts.values import rfc3339
from contracts.wire.envelope import Event
from services.shared.authority.judging import Bonds, check
from services.shared.person import person_of
from services.shared.refused import Refused

CODE_LASTS = timedelta(minutes=10)
"""How long a code can be entered."""
TRIES = 5
"""The number of codes that can be entered for one change: of 100 million, five are tried."""
MOST_ASKED = 5
"""The number of codes that are sent for one person within a day: each costs money, and somebody who
did not ask for it is disturbed."""
APART = timedelta(minutes=1)
"""The least time until another is sent instead of one that was not entered."""
_DAY = timedelta(days=1)


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """A change that was asked for, and is not proven yet."""

    id: str
    address: str
    key_id: str
    sealed: str
    seed: str
    code_hash: str
    expires_at: datetime
    wrong: int = 0
    """The number of wrong codes that were entered."""


class Proving(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one person is about to prove."""

    change: Change | None = None
    """The newest change: another one takes its place."""
    asked: tuple[datetime, ...] = ()
    """When codes were asked for within a day, in order."""
    told_at: datetime | None = None
    """When the proven addresses were last told that a change was asked for."""


def decide(state: Proving, request: Event) -> Sequence[EventData]:
    """Return what a request comes to."""
    data = request.data
    if isinstance(data, ContactChangeRequested):
        try:
            _check(request)
            return [_ask(state, request, data)]
        except Refused as error:
            return [ContactChangeRefused(reason=error.reason, detail=error.detail)]
    assert isinstance(data, ContactProofRequested)
    try:
        _check(request)
        return [_prove(state, request, data)]
    except Refused as error:
        return [ContactProofRefused(reason=error.reason, detail=error.detail, change=data.change)]


def _check(request: Event) -> None:
    """Raise Refused unless somebody vouched for whoever asks, and they may ask it of this person.

    Nobody can ask over HTTP without being signed in, in a trial either.
    """
    check(request, lambda: Bonds(person=person_of(request.subject)), None, signed_in=True)


def _ask(state: Proving, request: Event, data: ContactChangeRequested) -> ContactChangeAsked:
    if person_of(request.subject) is None:
        raise Refused(RefusalReason.WRONG_STATE, "only a person's own contact data is proven")
    asked = _within_a_day(state.asked, request.time)
    if len(asked) >= MOST_ASKED:
        raise _too_often(f"{len(asked)} codes were asked for within a day", asked[0] + _DAY)
    if asked and state.change is not None and request.time < asked[-1] + APART:
        raise _too_often("a code was asked for just now", asked[-1] + APART)
    told = state.told_at is not None and request.time < state.told_at + _DAY
    return ContactChangeAsked(
        address=data.address,
        key_id=data.key_id,
        sealed=data.sealed,
        locale=data.locale,
        seed=data.seed,
        code_hash=data.code_hash,
        change=request.id,
        expires_at=request.time + CODE_LASTS,
        tells_proven=not told,
    )


def _prove(state: Proving, request: Event, data: ContactProofRequested) -> ContactProven:
    change = state.change
    if change is None or change.id != data.change:
        raise Refused(
            RefusalReason.UNKNOWN_CHANGE, "no such change waits for its code; ask for the change"
        )
    if change.wrong >= TRIES:
        raise Refused(
            RefusalReason.TOO_MANY_TRIES, f"{TRIES} wrong codes were entered; ask for another code"
        )
    if request.time >= change.expires_at:
        raise Refused(
            RefusalReason.CODE_EXPIRED,
            f"the code was good until {rfc3339(change.expires_at)}; ask for another one",
        )
    if not hmac.compare_digest(change.code_hash, data.code_hash):
        left = TRIES - change.wrong - 1
        tries = f"{left} tries are left" if left else "no try is left: ask for another code"
        raise Refused(RefusalReason.CODE_WRONG, f"this is not the code that was sent; {tries}")
    return ContactProven(
        address=change.address,
        key_id=change.key_id,
        sealed=change.sealed,
        change=change.id,
    )


def evolve(state: Proving, fact: Event) -> Proving:
    """Return the state after a fact."""
    data, change = fact.data, state.change
    match data:
        case ContactChangeAsked():
            return Proving(
                Change(
                    data.change,
                    data.address,
                    data.key_id,
                    data.sealed,
                    data.seed,
                    data.code_hash,
                    data.expires_at,
                ),
                (*_within_a_day(state.asked, fact.time), fact.time),
                fact.time if data.tells_proven else state.told_at,
            )
        case ContactProofRefused() if (
            data.reason is RefusalReason.CODE_WRONG
            and change is not None
            and change.id == data.change
        ):
            counted = msgspec.structs.replace(change, wrong=change.wrong + 1)
            return msgspec.structs.replace(state, change=counted)
        case ContactProven() if change is not None and change.id == data.change:
            # The addresses that count are others now, and were told of nothing.
            return msgspec.structs.replace(state, change=None, told_at=None)
        case ContactErased():
            return msgspec.structs.replace(state, change=None)
        case _:
            return state


def _within_a_day(asked: Sequence[datetime], now: datetime) -> tuple[datetime, ...]:
    return tuple(at for at in asked if at > now - _DAY)


def _too_often(why: str, again: datetime) -> Refused:
    return Refused(
        RefusalReason.ASKED_TOO_OFTEN, f"{why}; another one can be asked for at {rfc3339(again)}"
    )
