"""Decides a whole batch of records. Pure, except that it changes the states it is given."""

from __future__ import annotations

import re
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from aiokafka import ConsumerRecord
from msgspec.structs import replace

from contracts.wire.codec import (
    BadRecord,
    Fault,
    decode,
    decode_fields,
    is_known,
    type_of,
)
from contracts.wire.envelope import Event, short_id
from services.runtime.core.dead_letter import (
    REDRIVE,
    Redrive,
    closing_record,
    redrive_of,
    timers_until,
    to_dead_letter,
)
from services.runtime.core.decided import Decided
from services.runtime.core.decider import Decider, S
from services.runtime.core.handle import fire_timers, handle
from services.runtime.core.own_facts import decided_by, is_imported
from services.runtime.core.stored import Hold, Stored, content
from services.runtime.core.timer_letter import set_due_or_hold, trace_of
from services.runtime.core.wanted import Wanted
from services.runtime.core.world import World


def pick(
    decider: Decider[Any],
    records: Sequence[ConsumerRecord[Any, Any]],
    also: frozenset[str] = frozenset(),
) -> tuple[list[Wanted], Tally[tuple[str, str]]]:
    """Split the records, by their headers alone, into those the service uses and a tally of others.

    A record without a type, or of a type that no service knows, is picked too: it must not vanish,
    and `decide` finds out what is wrong with it. `also`: types that are used as well.
    """
    use = decider.requests | decider.facts | also
    matches = re.compile(decider.subject_pattern).fullmatch
    picked: list[Wanted] = []
    passed: list[str] = []
    subjects: dict[bytes | None, str | None] = {None: None}
    for record in records:
        type_name = type_of(record.headers)
        used = type_name in use
        if type_name is not None and not used and is_known(type_name):
            passed.append(type_name)
            continue
        headers = dict(record.headers)
        redrive: Redrive | None = None
        dead_letter_id = ""
        if REDRIVE in headers and (found := redrive_of(record.headers)) is not None:
            redrive, dead_letter_id = found
            if redrive.service != decider.name:
                passed.append(type_name or "none")
                continue
        key = record.key
        if key not in subjects:
            text = key.decode("utf-8", "replace")
            subjects[key] = text if matches(text) else None
        short = short_id((headers.get("ce_id") or b"").decode("utf-8", "replace"))
        label = "none" if type_name is None else type_name if used else "unknown"
        said = content(record.value, headers.get("ce_time"))
        picked.append(
            Wanted(record, headers, subjects[key], label, short, said, redrive, dead_letter_id)
        )
    return picked, Tally({(name, "skipped"): count for name, count in Tally(passed).items()})


TooLarge = Callable[[Stored[Any]], bool]
"""Tells whether a subject has outgrown what the database can keep of it."""


def never(_: Stored[Any]) -> bool:
    return False


def decide(
    decider: Decider[S],
    worlds: Mapping[int, World],
    wanted: Iterable[Wanted],
    states: dict[str, Stored[S]],
    now: datetime,
    too_large: TooLarge = never,
) -> Decided[S]:
    """Handle the records in their order. `states` holds every subject that exists already, and
    `worlds` the world of every partition.

    The unsaid events of these states come first: what the records come to may take them back.
    Whatever a decision or a timer raises makes a dead letter, and so does a record after which
    `too_large` is true of its subject.
    """
    out: Decided[S] = Decided()
    _say_unsaid(out, states.values())
    own = decided_by(decider)
    for item in wanted:
        record = item.record
        if item.subject is None:
            _bury_unheld(decider, out, item, now)
            continue
        stored = states.get(item.subject)
        if stored is None:
            stored = Stored(item.subject, record.partition, decider.initial(item.subject))
            states[item.subject] = stored
        if item.type_name in own and _is_undecided(item, stored):
            out.undecided.append(item)
        _one(decider, worlds[record.partition], out, item, stored, now, too_large)
    for stored in out.dirty.values():
        set_due_or_hold(decider, worlds[stored.partition], out, stored, now)
    return out


def _is_undecided(item: Wanted, stored: Stored[Any]) -> bool:
    """Return whether a fact of the decider's own is about to be folded that it does not know.

    Also one that is put back is: whoever forges a record can forge that header.
    """
    is_given_up = item.redrive is not None and item.redrive.skip
    return not (is_given_up or stored.knows(item.short) or is_imported(item.headers))


def _say_unsaid(out: Decided[S], states: Iterable[Stored[S]]) -> None:
    for stored in states:
        if stored.unsaid:
            out.events += stored.unsaid
            stored.unsaid = []
            out.dirty[stored.subject] = stored


def _one(
    decider: Decider[S],
    world: World,
    out: Decided[S],
    item: Wanted,
    stored: Stored[S],
    now: datetime,
    too_large: TooLarge,
) -> None:
    record = item.record
    type_name = item.type_name
    if item.redrive is None:
        if stored.knows(item.short):
            out.outcomes[type_name, "duplicate"] += 1
            if stored.differs(item.short, item.content):
                out.differing.append((stored.subject, item.place, type_name))
            return
        if stored.hold is not None:
            if record.offset <= stored.hold.offset:
                # Held before a crash and read again: it already has its dead letter and its number.
                out.outcomes[type_name, "duplicate"] += 1
                return
            _hold(decider, out, item, stored, now, Fault.HELD, "an earlier record is held")
            return
    elif not _is_next(item, stored) and not (_was_refused(item) and stored.hold is None):
        # A command that was given twice, or a dead letter out of turn: it stays where it is.
        out.outcomes[type_name, "duplicate"] += 1
        return
    skip = item.redrive is not None and item.redrive.skip
    snapshot = stored.copy()
    try:
        if not skip and not (item.redrive and stored.knows(item.short)):
            events, request = _applied(decider, world, stored, item)
            if too_large(stored):
                raise BadRecord(Fault.STATE_TOO_LARGE, _OUTGROWN)
            out.events += events
            if request is not None:
                out.requests.append(request)
    except BadRecord as error:
        stored.restore(snapshot)
        _hold(decider, out, item, stored, now, error.fault, error.detail)
        return
    except Exception as error:  # noqa: BLE001  (whatever a decision raises is in the letter)
        stored.restore(snapshot)
        _hold(decider, out, item, stored, now, Fault.DECISION_RAISED, trace_of(error))
        return
    if item.redrive is not None:
        if not _was_refused(item):
            _release(stored)
        _close(out, item, "purged" if skip else "redriven")
    out.outcomes[type_name, "skipped" if skip else "applied"] += 1
    out.dirty[stored.subject] = stored


_OUTGROWN = (
    "with it, the state would be larger than what is kept of one dossier; it can only be purged, "
    "or imported anew in fewer words"
)


def _applied(
    decider: Decider[S], world: World, stored: Stored[S], item: Wanted
) -> tuple[list[Event], str | None]:
    """Return the events that a record causes, and the id of the request that it answers."""
    if item.redrive is not None and (until := timers_until(item.headers)) is not None:
        return fire_timers(decider, world, stored, until), None
    event = decode_fields(item.record.key, item.record.value, item.headers)
    events = handle(decider, world, stored, event, (item.short, item.content))
    asked = event.fingerprint is not None and event.type in decider.requests
    return events, event.id if asked else None


def _is_next(item: Wanted, stored: Stored[Any]) -> bool:
    return (
        item.redrive is not None
        and stored.hold is not None
        and stored.hold.next == item.redrive.number
    )


def _hold(
    decider: Decider[S],
    out: Decided[S],
    item: Wanted,
    stored: Stored[S],
    now: datetime,
    fault: Fault,
    detail: str,
) -> None:
    hold = stored.hold
    out.outcomes[item.type_name, "held" if fault is Fault.HELD else "dead"] += 1
    out.dirty[stored.subject] = stored
    if item.redrive is not None:
        # Its dead letter is still open; only its fault may have changed.
        if hold is not None:
            stored.hold = replace(hold, fault=fault, detail=detail[:4000])
        return
    offset = item.record.offset
    if hold is None:
        stored.hold = Hold(1, 1, fault, detail[:4000], offset)
    else:
        stored.hold = replace(hold, count=hold.count + 1, offset=offset)
    number = stored.hold.count
    _bury(out, item, fault, detail, number, now)


def _was_refused(item: Wanted) -> bool:
    """Return whether it is put back that was not believed, and is now: it holds no subject."""
    return item.redrive is not None and item.redrive.number == 0


def _release(stored: Stored[Any]) -> None:
    hold = stored.hold
    assert hold is not None
    stored.hold = None if hold.next >= hold.count else replace(hold, next=hold.next + 1)


def _close(out: Decided[Any], item: Wanted, outcome: str) -> None:
    out.redriven[outcome] += 1
    out.dead_letters.append(closing_record(item.dead_letter_id, item.record.key, outcome))


def _bury_unheld(decider: Decider[S], out: Decided[S], item: Wanted, now: datetime) -> None:
    record = item.record
    if item.redrive is not None:
        if item.redrive.skip:
            out.dead_letters.append(closing_record(item.dead_letter_id, record.key, "purged"))
            out.redriven["purged"] += 1
        else:
            # Redriving does not mend a bad key: the dead letter stays open.
            out.outcomes[item.type_name, "dead"] += 1
        return
    try:
        decode(record.key, record.value, record.headers)
        fault = Fault.WRONG_KEY
        detail = f"the key {record.key!r} does not look like {decider.subject_pattern}"
    except BadRecord as error:
        fault, detail = error.fault, error.detail
    out.outcomes[item.type_name, "dead"] += 1
    _bury(out, item, fault, detail, 0, now)


def _bury(
    out: Decided[Any], item: Wanted, fault: Fault, detail: str, number: int, now: datetime
) -> None:
    record = item.record
    place = item.place
    out.faults[fault] += 1
    out.last_error = f"{fault}: {detail}"
    out.set_aside.append((item.subject or "", place, fault, detail))
    out.dead_letters.append(to_dead_letter(place, record, fault, detail, number, now))
