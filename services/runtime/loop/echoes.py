"""Own facts that come back over the log: their states have folded them already."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from contracts.wire.envelope import Event
from services.runtime.core.decider import Decider
from services.runtime.core.stored import mark_of


class Echoes:
    """Saves the engine from loading states for facts that it has just folded and written itself.

    It covers only what this instance wrote since it took the partitions over; any other duplicate
    is recognised by the ids in its state.
    """

    def __init__(self, decider: Decider[Any], most: int = 100_000) -> None:
        """Remember at most `most` facts, about 25 MB by default; older ones are forgotten."""
        self._most = most
        self._facts = decider.facts
        self._topic = decider.topic
        self._expected: OrderedDict[bytes, tuple[str, bytes]] = OrderedDict()

    def expect(self, events: Iterable[Event]) -> None:
        """Say that these events are on the log, and folded in the written states."""
        expected = self._expected
        for event in events:
            if event.type in self._facts and self._topic == event.data.TOPIC:
                short, content = mark_of(event)
                expected[short] = event.subject, content
        while len(expected) > self._most:
            expected.popitem(last=False)

    def take(self, subject: str | None, short: bytes, content: bytes) -> bool:
        """Return whether this event is expected; if so, stop expecting it.

        One with another content than was written is not: it is looked at with its state.
        """
        if subject is None or self._expected.get(short) != (subject, content):
            return False
        del self._expected[short]
        return True

    def clear(self) -> None:
        """Say that another instance may write from now on."""
        self._expected.clear()
