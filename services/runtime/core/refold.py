"""Folds recorded facts into states, and decides nothing. Pure, except for the states it is given.

What a service decided stands on the log beside what it was asked. So its states are rebuilt from
the facts, its own among them; a request leaves only its id and its answer.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic

from aiokafka import ConsumerRecord

from contracts.model import registered
from contracts.wire.codec import BadRecord, decode
from contracts.wire.envelope import Event
from services.runtime.core.batch import pick
from services.runtime.core.dead_letter import timers_until
from services.runtime.core.decider import Decider, S
from services.runtime.core.forged import found_forged
from services.runtime.core.handle import set_due
from services.runtime.core.stored import Stored
from services.runtime.core.wanted import Wanted
from services.runtime.core.world import World
from services.runtime.record_keys import RecordKeys

Found = tuple[str, Event, Wanted]
"""The subject whose state folds an event, the event, and its record."""


class Refold(Generic[S]):
    """Folds the records of a decider's topic, and of those that its own facts go to."""

    def __init__(
        self, decider: Decider[S], committed: Mapping[int, int], keys: RecordKeys | None = None
    ) -> None:
        """`committed`: by partition of the decider's topic, the offset behind the last record that
        the service had handled. `keys`: what records are believed by; None: all are."""
        self._keys = keys
        self._decider = decider
        self._committed = committed
        self._source = f"/motcua/{decider.name}"
        self._matches = re.compile(decider.subject_pattern).fullmatch
        known = registered().values()
        # Refusals are folded by nobody, but answer requests.
        self._own = frozenset(cls.TYPE for cls in known if decider.name == cls.OWNER)
        self.topics = sorted(
            {decider.topic, *(cls.TOPIC for cls in known if cls.TYPE in decider.facts)}
        )
        """The topics to read."""
        self._later: set[str] = set()
        self._asked: dict[str, tuple[Event, Wanted]] = {}
        """Requests that wait for their answer, by id."""
        self.failed: list[tuple[str, str]] = []
        """Records that cannot be folded: their place, and why."""

    def leave_out(self, tail: Iterable[ConsumerRecord[Any, Any]]) -> None:
        """Leave out what the service said of these records, which it had not handled yet.

        A service that ended between publishing and persisting will say it again.
        """
        for record in tail:
            if (event_id := dict(record.headers).get("ce_id")) is not None:
                self._later.add(event_id.decode("utf-8", "replace"))

    def folded_until(self, partition: int, end: int) -> int:
        """Return up to which offset, `end` at most, nothing waits that a later run would lack."""
        waiting = (
            item.record.offset
            for _, item in self._asked.values()
            if item.record.partition == partition
        )
        return min(end, self._committed.get(partition, 0), min(waiting, default=end))

    def find(self, records: Sequence[ConsumerRecord[Any, Any]]) -> list[Found]:
        """Return what is of use here of the records. Those that cannot be read are in `failed`."""
        found: list[Found] = []
        for item in pick(self._decider, records, also=self._own)[0]:
            record = item.record
            if item.redrive is not None and (
                item.redrive.skip or timers_until(item.headers) is not None
            ):
                continue  # what timers said is on the log as the service's own facts
            if self._keys is not None and found_forged(self._keys, item, {}):
                continue  # the service had not believed it either
            try:
                event = decode(record.key, record.value, record.headers)
            except BadRecord as error:
                self.failed.append((item.place, str(error)))
                continue
            if (home := self._home(event)) is not None and self._counts(event, record):
                found.append((home, event, item))
        return found

    def _home(self, event: Event) -> str | None:
        if self._matches(event.subject):
            return event.subject
        about = getattr(event.data, "dossier", None)
        return about if isinstance(about, str) and self._matches(about) else None

    def _counts(self, event: Event, record: ConsumerRecord[Any, Any]) -> bool:
        if event.source == self._source:
            return event.cause not in self._later
        handled = self._committed.get(record.partition, 0)
        return bool(record.topic == self._decider.topic and record.offset < handled)

    def fold(
        self, worlds: Mapping[int, World], found: Iterable[Found], states: dict[str, Stored[S]]
    ) -> dict[str, Stored[S]]:
        """Fold the events in their order; return the states that changed, their timers set.

        `states` holds those of the events' subjects that exist already, `worlds` the world of every
        partition of the decider's topic.
        """
        dirty: dict[str, Stored[S]] = {}
        for subject, event, item in found:
            stored = states.get(subject)
            if stored is None:
                partition = item.record.partition
                stored = Stored(subject, partition, self._decider.initial(subject))
            if stored.knows(item.short):
                continue
            snapshot = stored.copy()
            try:
                kept = self._one(worlds[stored.partition], event, item, stored)
            except Exception as error:  # noqa: BLE001  (whatever a fold raises is in the report)
                stored.restore(snapshot)
                last = traceback.format_exception_only(error)[-1].strip()
                self.failed.append((item.place, last))
                continue
            if kept:
                states[subject] = dirty[subject] = stored
        for stored in dirty.values():
            set_due(self._decider, worlds[stored.partition], stored)
        return dirty

    def _one(self, world: World, event: Event, item: Wanted, stored: Stored[S]) -> bool:
        """Return whether the service keeps anything of the event.

        Of what it says beside its decisions it keeps nothing: that alone makes no state.
        """
        if event.type in self._decider.requests:
            self._asked[event.id] = event, item
            return True
        kept = False
        if event.source == self._source and event.cause in self._asked:
            request, asked = self._asked.pop(event.cause)
            stored.note(asked.short, asked.content)
            stored.answer(request, [event])
            kept = True
        if event.type in self._decider.facts:
            stored.note(item.short, item.content)
            stored.state = self._decider.evolve(world, stored.state, event)
            kept = True
        return kept
