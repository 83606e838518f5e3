"""Writes the recordings that the tests replay: ``python -m tests.replay``. What they show changes
with the rules and with the decisions; look at the differences before you commit them. Those in
``older`` were written by older releases, and stay as they are.

``python -m tests.replay drilled`` records a city of real services that are killed meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from contracts.catalogue import load_catalogue
from deploy.local.stack.stack import Stack
from motcua.deciders import calendars
from motcua.replay.simulated import record_simulated
from motcua.simulate import Simulation, simulate_day, slices
from tests.chaos.drills import few_drills, spread
from tests.chaos.run import run_city

console = Console()
HERE = Path(__file__).parent
DAY = HERE / "day.jsonl.gz"
WEEKS = HERE / "weeks.jsonl.gz"
DRILLED = HERE / "drilled.jsonl.gz"


def drill(out: Path) -> None:
    """Record a day in which the services are killed, and broker, database and provider go away."""
    of = Simulation(dossiers=15, carried_over=10, seed=6, late_share=0.3, contacts=True)
    simulated = simulate_day(of, load_catalogue(), calendars())
    drills = spread(few_drills(), len(list(slices(simulated.requests, ends=simulated.ends))))
    with TemporaryDirectory() as folder:
        stack = Stack(Path(folder), "drilled", die_with_parent=True)
        try:
            city = run_city(stack, Path(folder), simulated, drills, console.print, recorded=out)
            asyncio.run(city)
        finally:
            stack.down()


def main() -> None:
    """Write the drilled day, or the simulated ones."""
    if sys.argv[1:] == ["drilled"]:
        os.environ["MOTCUA_TRIAL"] = "1"  # its secrets stand in this repository
        drill(DRILLED)
        return
    for out, of in (
        (DAY, Simulation(dossiers=30, carried_over=30, seed=3, late_share=0.2)),
        # A few are filed on each of the fifteen working days before the last.
        (WEEKS, Simulation(dossiers=5, carried_over=75, seed=8, late_share=0.3)),
    ):
        record_simulated(out, simulate_day(of, load_catalogue(), calendars()))


if __name__ == "__main__":
    main()
