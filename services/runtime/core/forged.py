"""Records that nobody has written who may: told from the others, and put among the dead letters.

Where keys are set, a record is believed by its MAC alone, before it is decoded. It holds no
dossier: otherwise whoever forges a record could hold any dossier.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from contracts.wire.codec import Fault
from contracts.wire.mac import Doubt
from services.runtime.core.dead_letter import closing_record, timers_until, to_dead_letter
from services.runtime.core.decided import Decided
from services.runtime.core.stored import Stored
from services.runtime.core.wanted import Wanted
from services.runtime.record_keys import RecordKeys


class Forged(NamedTuple):
    """A record that is not believed, and why."""

    item: Wanted
    reason: Doubt
    is_ordered: bool = False
    """It was put back by who may."""


def believed(
    keys: RecordKeys,
    wanted: Iterable[Wanted],
    states: Mapping[str, Stored[Any]],
    forged: list[Forged],
) -> Iterator[Wanted]:
    """Yield the records that are believed; add the others to `forged`.

    Each is judged when it is asked for: by then `states` holds what those before it came to.
    """
    for item in wanted:
        if (found := found_forged(keys, item, states)) is None:
            yield item
        else:
            forged.append(found)


def found_forged(
    keys: RecordKeys, item: Wanted, states: Mapping[str, Stored[Any]]
) -> Forged | None:
    """Return why a record is not believed; None if it is.

    What its subject's state has already is acted upon no more, whoever repeats it: it is not
    checked. That is what a service has said itself, above all.
    """
    record = item.record
    key, value, headers, stamped = record.key, record.value, record.headers, record.timestamp
    if item.redrive is None:
        stored = None if item.subject is None else states.get(item.subject)
        if stored is not None and stored.applied.get(item.short) == item.content:
            return None
        doubt = keys.fault(key, value, headers, item.headers, stamped)
        return None if doubt is None else Forged(item, doubt)
    if (doubt := keys.order_fault(key, value, headers, stamped)) is not None:
        return Forged(item, doubt)
    if _says_no_more(item):
        return None
    doubt = keys.fault(key, value, headers, item.headers, stamped)
    return None if doubt is None else Forged(item, doubt, is_ordered=True)


def _says_no_more(item: Wanted) -> bool:
    """Return whether a record that is put back says nothing but what the order says: it stands for
    timers, or is given up and its subject goes on. What holds no subject is `put_aside`."""
    order = item.redrive
    assert order is not None
    return (order.skip and order.number > 0) or timers_until(item.headers) is not None


def put_aside(out: Decided[Any], forged: Sequence[Forged], now: datetime) -> None:
    """Put forged records among the dead letters of a batch, and close those that are given up."""
    for item, reason, is_ordered in forged:
        order = item.redrive
        if is_ordered and order is not None and order.skip:
            out.outcomes[item.type_name, "skipped"] += 1
            closed = closing_record(item.dead_letter_id, item.record.key, "purged")
            out.dead_letters.append(closed)
            out.redriven["purged"] += 1
            continue
        out.outcomes[item.type_name, "refused"] += 1
        out.forged.append((item.subject or "", item.place, item.type_name, reason))
        if order is None:
            out.faults[Fault.FORGED] += 1
            letter = to_dead_letter(item.place, item.record, Fault.FORGED, reason, 0, now)
            out.dead_letters.append(letter)
