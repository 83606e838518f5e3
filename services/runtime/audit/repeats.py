"""What anyone can cause any number of times: the first is told, the others are counted.

Otherwise whoever sends ten thousand bad tokens a second fills the audit's disk. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from services.runtime.audit.link import AuditEntry

WINDOW = timedelta(minutes=1)
_MOST = 10_000
"""Different entries that are remembered; beyond that, they are told apart by kind alone."""


class Repeats:
    """The entries of the last minute that may come again."""

    def __init__(self) -> None:
        self._seen: dict[AuditEntry, tuple[datetime, int]] = {}
        """Of each entry since when, and how often again. In the order in which they came."""

    def is_first(self, entry: AuditEntry, now: datetime) -> bool:
        """Return whether it has to be told now; otherwise it is counted."""
        if len(self._seen) >= _MOST and entry not in self._seen:
            entry = AuditEntry(entry.kind)
        if (found := self._seen.get(entry)) is None:
            self._seen[entry] = now, 0
            return True
        since, again = found
        self._seen[entry] = since, again + 1
        return False

    def forget(self, entry: AuditEntry) -> None:
        """Take back that it was told: the next one is the first again."""
        self._seen.pop(entry, None)

    def due(self, now: datetime, *, ends: bool = False) -> Iterator[AuditEntry]:
        """Yield what happened again within a minute that is over, with how often; forget it.

        `ends`: every minute is over.
        """
        for entry, (since, again) in tuple(self._seen.items()):
            if not ends and now - since < WINDOW:
                return
            del self._seen[entry]
            if again:
                yield msgspec.structs.replace(entry, times=again)
