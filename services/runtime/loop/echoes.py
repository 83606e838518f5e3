"""Own facts on their way back over the log: the states that they are about know them already."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from contracts.wire.envelope import Event, short_id
from services.runtime.core.decider import Decider


class Echoes:
    """Spares the engine the loading of states for what it has itself just folded and written.

    Only of what this instance wrote since it took the partitions over; whatever else comes twice
    is known by the ids in its state.
    """

    def __init__(self, decider: Decider[Any], most: int = 100_000) -> None:
        """At most so many facts are remembered, which takes some 25 MB; older ones are let go."""
        self._most = most
        self._facts = decider.facts
        self._topic = decider.topic
        self._expected: OrderedDict[bytes, str] = OrderedDict()

    def expect(self, events: Iterable[Event]) -> None:
        """Says that these are on the log, and in the states that are written."""
        expected = self._expected
        for event in events:
            if event.type in self._facts and self._topic == event.data.TOPIC:
                expected[short_id(event.id)] = event.subject
        while len(expected) > self._most:
            expected.popitem(last=False)

    def take(self, subject: str | None, short: bytes) -> bool:
        """Whether this is an event that is expected; if so, it is no longer."""
        if self._expected.get(short) != subject or subject is None:
            return False
        del self._expected[short]
        return True

    def clear(self) -> None:
        """Says that another instance may write from here on."""
        self._expected.clear()
