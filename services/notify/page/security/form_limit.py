"""How often the page's forms are sent: each leaves a trace in a state that is read whole.

Only who has the dossier's key can send one, so it is counted by dossier and not by address.
"""

from __future__ import annotations

from datetime import timedelta

from services.notify.page.security.counts import Counts
from services.runtime import Clock, Collection

_WINDOW = timedelta(hours=1)


class TooManyForms(Exception):
    """So much was sent about the dossier. `seconds` from now on something may be sent again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"sent too often; again in {seconds} s")
        self.seconds = seconds


class FormLimit:
    """The forms that were sent to all instances."""

    def __init__(self, collection: Collection, most: int, clock: Clock) -> None:
        """`most` is for a dossier and an hour; `clock` is the wall clock, in a replay too."""
        self._counts = Counts(collection, _WINDOW, clock)
        self._most = most

    async def send(self, code: str) -> None:
        """Counts a form about that dossier. Raises TooOften, uncounted, beyond the most."""
        counted = await self._counts.count(code)
        if counted.numbers[0] > self._most:
            await self._counts.take_back(counted)
            raise TooManyForms(counted.seconds_left)
