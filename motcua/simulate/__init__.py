"""A city's day, drawn from a seed: what its people and officers ask, and when.

Only requests are drawn, never facts: what comes of them is for the services to decide. The same
settings give the same plan on any machine.
"""

from motcua.simulate.city import plan_city
from motcua.simulate.fates import Fate
from motcua.simulate.settings import Plan, Simulation
from motcua.simulate.slices import Slice, slices

__all__ = ["Fate", "Plan", "Simulation", "Slice", "plan_city", "slices"]
