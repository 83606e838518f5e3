"""A city's day, drawn from a seed: what its people and officers ask, and when.

Only requests are drawn, never facts: what follows from them is for the services to decide. The same
settings give the same plan on any machine.
"""

from motcua.simulate.city import simulate_day
from motcua.simulate.fates import Fate
from motcua.simulate.settings import SimulatedDay, Simulation
from motcua.simulate.slices import Slice, slices

__all__ = ["Fate", "SimulatedDay", "Simulation", "Slice", "simulate_day", "slices"]
