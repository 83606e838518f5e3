"""Writes the recordings that the tests replay: ``python -m tests.replay``. What they show changes
with the rules and with the decisions; look at the differences before you commit them."""

from __future__ import annotations

from pathlib import Path

from contracts.catalogue import load_catalogue
from motcua.deciders import calendars
from motcua.replay.simulated import record_simulated
from motcua.simulate import Simulation, simulate_day

HERE = Path(__file__).parent
DAY = HERE / "day.jsonl.gz"

if __name__ == "__main__":
    of = Simulation(dossiers=30, carried_over=30, seed=3, late_share=0.2)
    record_simulated(DAY, simulate_day(of, load_catalogue(), calendars()))
