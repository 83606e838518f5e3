"""What a simulation is asked for, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from contracts.wire.envelope import Event
from motcua.simulate.contacts import PlannedContact
from motcua.simulate.fates import Fate


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """The size and the character of the day to be drawn. Raises ValueError for what cannot be."""

    day: date = date(2026, 3, 11)
    dossiers: int
    """How many come in on the day itself."""
    carried_over: int = 0
    """How many came in on the fifteen working days before it."""
    seed: int = 1
    late_share: float = 0.0016
    """The share of dossiers whose result is not there when it is due.

    Those that a letter in time gives a second date, which they keep, come on top.
    """
    duplicate_share: float = 0.01
    """The share of requests that are told twice."""
    min_gap_minutes: int = 15
    """How far apart two requests about one dossier are at least, on the day itself."""
    min_gap_minutes_before: int = 120
    """The same after a request of the days before."""
    contacts: bool = False
    """Whether citizens leave addresses, and officers have some."""

    def __post_init__(self) -> None:
        for name in ("dossiers", "carried_over", "min_gap_minutes", "min_gap_minutes_before"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}: it cannot be below 0")
        for name in ("late_share", "duplicate_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}: a share is from 0 to 1")


@dataclass(frozen=True)
class SimulatedDay:
    """What is asked of the city, in the order in which it is told."""

    requests: list[Event]
    """By time and dossier code, but for the duplicates: each stands where it is told again."""
    contacts: list[PlannedContact]
    """In order of time, in clear: they are sealed when they are told."""
    begins: datetime
    ends: datetime
    """The midnight after the day. What would come later is cut off."""
    counters: dict[tuple[str, str], int]
    """The highest number given, by agency and day (YYMMDD)."""
    to_be_refused: frozenset[str]
    """The ids of the requests that ask for what the dossier's state does not allow."""
    fates: dict[str, Fate]
    """Of the dossiers that miss their first due time: what becomes of them, be it after the plan
    ends. A few of them end before they come to it, withdrawn or without the supplement asked for.
    """

    @property
    def late(self) -> frozenset[str]:
        """The codes of the dossiers that miss their due time, be it after the plan ends."""
        return frozenset(code for code, fate in self.fates.items() if fate.late)
