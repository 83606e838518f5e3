"""What a seed stands for: a day, the rules that are enacted in it, and all that goes wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from contracts.catalogue import load_catalogue
from contracts.rules import RuleSet
from motcua.deciders import calendars
from motcua.simulate import SimulatedDay, Simulation, simulate_day
from services.runtime import metrics
from tests.chaos.enactments import BEGINS_WITH, enacted_between
from tests.chaos.outcome import differences
from tests.simulation.chances import Fault
from tests.simulation.city import Broken, Lived, live
from tests.simulation.scheduler import Standstill

EACH = 5
"""So many seeds one after another disturb the same day: its calm run is made once."""
_ON_THE_WAY = 16
"""Mails that an instance may have on their way: four for each connection to the mail server."""
_ENDS = (Fault.KILL, Fault.KILL_AT_POINT, Fault.HANG, Fault.LEAVE, Fault.BROKER_AWAY)
"""After these a mail that was accepted may not be told of, and comes once more."""


@dataclass(frozen=True)
class Plan:
    """One day of a city."""

    simulated: SimulatedDay
    begins_with: RuleSet | None
    enacted: Mapping[int, Sequence[RuleSet]]

    def lived(self, seed: int | None = None) -> Lived:
        """Live through it, in peace or as the seed has it."""
        return live(self.simulated, begins_with=self.begins_with, enacted=self.enacted, seed=seed)


@dataclass(frozen=True)
class Judged:
    """What became of one seed."""

    seed: int
    wrong: list[str]
    lived: Lived | None = None
    """None if the run did not come to its end."""


@lru_cache(maxsize=16)
def plan(number: int, dossiers: int) -> Plan:
    """The day of that number; in every other one, rules are enacted."""
    draw = Random(number)
    simulated = simulate_day(
        Simulation(
            dossiers=dossiers,
            carried_over=2 * dossiers,
            seed=number,
            late_share=draw.choice((0.1, 0.3, 0.6)),
            duplicate_share=draw.choice((0.01, 0.1)),
            contacts=True,
        ),
        load_catalogue(),
        calendars(),
    )
    if number % 2 == 0:
        return Plan(simulated, None, {})
    return Plan(simulated, BEGINS_WITH, enacted_between(simulated, draw, draw.randint(1, 3)))


@lru_cache(maxsize=16)
def calm(number: int, dossiers: int) -> Lived:
    """The same day in peace."""
    return plan(number, dossiers).lived()


def _doubted() -> float:
    """How many records the services have taken for forged."""
    samples = (sample for family in metrics.FORGED.collect() for sample in family.samples)
    return sum(sample.value for sample in samples if sample.name.endswith("_total"))


def judged(seed: int, dossiers: int) -> Judged:
    """Live through the seed's day, calm and disturbed; judge as the kill test does."""
    number = seed // EACH
    quiet = calm(number, dossiers)
    doubted = _doubted()
    try:
        lived = plan(number, dossiers).lived(seed)
    except (Broken, Standstill, AssertionError) as error:
        return Judged(seed, [str(error)])
    wrong = differences(quiet.outcome, lived.outcome)
    if (more := _doubted() - doubted) > 0:
        wrong.append(f"{more:.0f} facts were doubted by their own service")
    happened = lived.outside.chances.happened
    again = sum(count - 1 for count in lived.outcome.messages.values())
    allowed = happened[Fault.GATEWAY_UNTOLD] + _ON_THE_WAY * sum(happened[f] for f in _ENDS)
    if again > allowed:
        wrong.append(f"{again} mails accepted once more; {allowed} may be")
    return Judged(seed, wrong, lived)
