"""A case that was told otherwise before is told anew: its correction, and its facts after it. Pure.

All of the case is told again, and not only what differs: what a service keeps of a fact in one
value with others then follows from the facts that are told, and from nothing that was taken back.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from contracts.events.intake import MAX_REPLACED, DossierReceived, HistoryCorrected, Promise
from contracts.wire.envelope import Event, derive_id, fingerprint
from services.intake.imports.told_before import Told, contents_of, entered_at, hashes_of, in_version
from services.shared.corrections import KEY


class NotCorrectable(Exception):
    """A case that cannot be told anew. The text says why."""


class Correction(NamedTuple):
    """What is sent to correct a case, and what is told of it then."""

    events: list[Event]
    told: Told


def correction_of(facts: Sequence[Event], before: Told, entered: datetime) -> Correction:
    """Return the correction of a case, entered at that time. The same case and past give the same
    ids, and with the same time the same events.

    Its time is that of the case's first fact: what is told anew moves the dossier's own clock from
    there. Raise NotCorrectable.
    """
    code = facts[0].subject
    if before.code is None:
        raise NotCorrectable("it was imported by a release that did not keep its code")
    if before.code != code:
        raise NotCorrectable(
            f"its first event has another day now, so that its code is {code} and no longer "
            f"{before.code}: mend the day, or end {before.code} in the city"
        )
    version = fingerprint([code, before.version, hashes_of(facts)])
    told = [in_version(entered_at(_as_promised(fact, before), entered), version) for fact in facts]
    replaced = sorted(before.standing - {fact.id[:KEY] for fact in told})
    if len(replaced) > MAX_REPLACED:
        raise NotCorrectable(f"it has more than {MAX_REPLACED:,} facts")
    first = facts[0]
    correction = Event(
        id=derive_id("correction", version),
        source=first.source,
        subject=code,
        time=first.time,
        data=HistoryCorrected(replaced=tuple(replaced)),
        history=True,
    )
    contents = contents_of(facts, entered)
    return Correction(
        [entered_at(correction, entered), *told],
        Told(contents, code, version, standard_of(told)),
    )


def standard_of(facts: Sequence[Event]) -> str | None:
    """Return the procedure and the standard time that a reception among the facts promises."""
    for fact in facts:
        data = fact.data
        if isinstance(data, DossierReceived) and data.promise and data.promise.due is None:
            return json.dumps([data.procedure, data.promise.model_dump(mode="json")])
    return None


def _as_promised(fact: Event, before: Told) -> Event:
    """Return the fact with the standard time as it was promised first: a catalogue moves none."""
    data = fact.data
    if before.standard is None or not isinstance(data, DossierReceived):
        return fact
    procedure, promised = json.loads(before.standard)
    if data.procedure != procedure or data.promise is None or data.promise.due is not None:
        return fact
    kept = data.model_copy(update={"promise": Promise.model_validate(promised)})
    return msgspec.structs.replace(fact, data=kept)
