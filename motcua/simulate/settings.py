"""The settings of a simulation, and its result."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from contracts.wire.envelope import Event
from motcua.simulate.contacts import PlannedContact
from motcua.simulate.fates import Fate


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """The size and character of the day to draw. Raises ValueError for impossible values."""

    day: date = date(2026, 3, 11)
    dossiers: int
    """How many dossiers are filed on the day itself."""
    carried_over: int = 0
    """How many were filed on the fifteen working days before it."""
    seed: int = 1
    late_share: float = 0.0016
    """The share of dossiers whose result misses its due time.

    Those that keep a second date, given by a letter in time, come on top.
    """
    duplicate_share: float = 0.01
    """The share of requests that are told twice."""
    min_gap_minutes: int = 15
    """The least minutes between two requests about one dossier, on the day itself."""
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
    """The requests to the city, in the order in which they are told."""

    requests: list[Event]
    """By time and dossier code, except for duplicates: each stands where it is told again."""
    contacts: list[PlannedContact]
    """In order of time, in clear: they are sealed when they are told."""
    begins: datetime
    ends: datetime
    """The midnight after the day. Everything later is cut off."""
    counters: dict[tuple[str, str], int]
    """The highest number given, by agency and day (YYMMDD)."""
    to_be_refused: frozenset[str]
    """The ids of the requests that the dossier's state does not allow."""
    fates: dict[str, Fate]
    """What becomes of the dossiers that miss their first due time, perhaps after the plan ends. A
    few end before that, withdrawn or without the demanded supplement.
    """

    @property
    def late(self) -> frozenset[str]:
        """The codes of the dossiers that miss their due time, perhaps after the plan ends."""
        return frozenset(code for code, fate in self.fates.items() if fate.late)
