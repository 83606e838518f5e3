"""Records that nobody has written who may: told from the others, and put among the dead letters.

Where keys are set, a record is believed by its MAC alone, before it is decoded. It holds no
dossier: otherwise whoever forges a record could hold any dossier.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from contracts.wire.codec import Fault
from contracts.wire.mac import Doubt
from services.runtime.core.dead_letter import closing_record, timers_until, to_dead_letter
from services.runtime.core.decided import Decided
from services.runtime.core.wanted import Wanted
from services.runtime.record_keys import RecordKeys


class Forged(NamedTuple):
    """A record that is not believed, and why."""

    item: Wanted
    reason: Doubt
    is_ordered: bool = False
    """It was put back by who may."""


def told_apart(keys: RecordKeys, wanted: Sequence[Wanted]) -> tuple[list[Wanted], list[Forged]]:
    """Return the records that are believed, and the others."""
    good: list[Wanted] = []
    forged: list[Forged] = []
    for item in wanted:
        record = item.record
        if item.redrive is not None:
            reason = keys.order_fault(record.key, record.value, record.headers, record.timestamp)
            if reason is not None:
                forged.append(Forged(item, reason))
                continue
            if _says_no_more(item):
                good.append(item)
                continue
        reason = keys.fault(
            record.key, record.value, record.headers, item.headers, record.timestamp
        )
        if reason is None:
            good.append(item)
        else:
            forged.append(Forged(item, reason, is_ordered=item.redrive is not None))
    return good, forged


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
