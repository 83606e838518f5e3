"""Where a dossier's life stands: its last request, and what is used of its budget."""

from __future__ import annotations

from datetime import datetime

from contracts.model import EventData
from contracts.wire.actor import Actor
from contracts.wire.envelope import Event, derive_id
from motcua.simulate.settings import Simulation
from services.shared.working_time import Calendar

SOURCE = "/motcua/simulate"


class LifeOver(Exception):
    """Nothing more is asked about the dossier, or only after the plan's end."""


class Asking:
    """Writes the requests about one dossier, each after the one before."""

    def __init__(
        self,
        settings: Simulation,
        code: str,
        index: int,
        *,
        begins: datetime,
        today: datetime,
        ends: datetime,
    ) -> None:
        self.requests: list[Event] = []
        self.time = begins
        """When the last request was made; before the first, when the dossier is filed."""
        self._settings = settings
        self._code = code
        self._index = index
        self._today = today
        self._ends = ends

    def ask(self, time: datetime, data: EventData, actor: Actor) -> Event:
        """Write a request. Raise LifeOver if the plan ends before it."""
        if time >= self._ends:
            raise LifeOver
        event = Event(
            id=derive_id("simulate", self._settings.seed, self._index, len(self.requests)),
            source=SOURCE,
            subject=self._code,
            time=time,
            data=data,
            actor=actor,
        )
        self.requests.append(event)
        self.time = time
        return event

    @property
    def gap(self) -> int:
        """The least seconds between the last request and the next one."""
        settings = self._settings
        early = self.time < self._today
        minutes = settings.min_gap_minutes_before if early else settings.min_gap_minutes
        return max(1, minutes * 60)

    def after(self, calendar: Calendar, seconds: float) -> datetime:
        """Return the moment this many working seconds, and at least the gap, after the last
        request."""
        return calendar.add(self.time, max(self.gap, int(seconds)))


class BudgetClock:
    """What is used of a dossier's budget, by the calendar of the unit that handles it."""

    def __init__(self, calendar: Calendar, start: datetime, due: datetime) -> None:
        self.calendar = calendar
        self.total = calendar.measure(start, due)
        """Working seconds that the procedure allows."""
        self._since = start
        self._used = 0
        """Working seconds used before `_since`."""

    def at(self, used: int) -> datetime:
        """Return the moment when `used` working seconds are used, if the clock runs on from
        here."""
        return self.calendar.add(self._since, max(0, used - self._used))

    def stop(self, time: datetime) -> None:
        """Stop the clock: from then on nothing is used."""
        self._used += self.calendar.measure(self._since, time)

    def go(self, time: datetime) -> None:
        """Start the clock again."""
        self._since = time
