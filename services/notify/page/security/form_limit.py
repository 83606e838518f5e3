"""Limit how often the page's forms are sent: each is kept in a state that is read whole.

Only a person with the dossier's key can send one, so it is counted by dossier, not by address.
"""

from __future__ import annotations

from datetime import timedelta

from services.notify.page.security.counts import Counts
from services.runtime import Clock, Collection

_WINDOW = timedelta(hours=1)


class TooManyForms(Exception):
    """Too many forms about the dossier. After `seconds` another may be sent."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"sent too often; again in {seconds} s")
        self.seconds = seconds


class FormLimit:
    """The forms that were sent to all instances."""

    def __init__(self, collection: Collection, most: int, clock: Clock) -> None:
        """`most` is per dossier and hour; `clock` is the wall clock, in a replay too."""
        self._counts = Counts(collection, _WINDOW, clock)
        self._most = most

    async def send(self, code: str) -> None:
        """Count a form about that dossier. Beyond the limit raise TooManyForms, and do not
        count."""
        counted = await self._counts.count(code)
        if counted.numbers[0] > self._most:
            await self._counts.take_back(counted)
            raise TooManyForms(counted.seconds_left)
