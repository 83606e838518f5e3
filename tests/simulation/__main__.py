"""``make simulate-engine``: the engine itself over a broker and a database in memory.

Each seed is a day of a city of four services, lived through in peace and then disturbed: kills,
hangs, partitions that move, time-outs whose write took effect. Both must come to the same. Prints
what has occurred and what never has; exits 1 if a run differed, and says how to repeat it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from random import SystemRandom

from rich.console import Console

from services.runtime import configure
from tests.simulation.coverage import Coverage, faults_table
from tests.simulation.plan import EACH, Judged, calm, judged

console = Console(soft_wrap=False)
_HASHES = "PYTHONHASHSEED"


def main() -> None:
    """Lives through the seeds that are asked for."""
    os.environ["MOTCUA_TRIAL"] = "1"  # its secrets stand in this repository
    parser = argparse.ArgumentParser(
        prog="make simulate-engine", description=__doc__, formatter_class=_Plain
    )
    parser.add_argument("--seeds", type=int, default=100, help="how many, one after another")
    parser.add_argument("--seed", type=int, help="the first; drawn if not given")
    parser.add_argument("--dossiers", type=int, default=5, help="filed in a day; as many again")
    options = parser.parse_args()
    if os.environ.get(_HASHES) != "0":
        # In which order a set is gone through belongs to what a seed repeats.
        arguments = [sys.executable, "-m", "tests.simulation", *sys.argv[1:]]
        os.execve(sys.executable, arguments, {**os.environ, _HASHES: "0"})
    # What is killed may have been about to wait for something.
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    configure("simulation", level="CRITICAL", as_json=False)
    first = SystemRandom().randrange(1, 1_000_000) if options.seed is None else options.seed
    wrong = simulate(first, options.seeds, options.dossiers)
    for each in wrong:
        for line in each.wrong:
            console.print(f"[red]seed {each.seed}:[/red] {line}", markup=True, soft_wrap=True)
        console.print(
            f'to repeat it: make simulate-engine ARGS="--seed {each.seed} --seeds 1 '
            f'--dossiers {options.dossiers}"',
            soft_wrap=True,
        )
    if wrong:
        sys.exit(1)
    console.print("[green]every disturbed day came to what its calm one had come to[/green]")


def simulate(first: int, seeds: int, dossiers: int) -> list[Judged]:
    """Live through so many seeds, tell how it goes, and return those that differed."""
    wrong: list[Judged] = []
    coverage = Coverage()
    began, told, steps = time.monotonic(), 0.0, 0
    console.print(f"seeds {first} to {first + seeds - 1}, {dossiers} dossiers filed in a day")
    for done, seed in enumerate(range(first, first + seeds), start=1):
        found = judged(seed, dossiers)
        if found.wrong:
            wrong.append(found)
        if found.lived is not None:
            coverage.see(found.lived)
            steps += found.lived.steps
        if done == 1 or seed % EACH == 0:
            coverage.see(calm(seed // EACH, dossiers))
        took = time.monotonic() - began
        if took - told > 10:
            told = took
            console.print(f"{done} of {seeds}, {took:.0f} s, {len(wrong)} differed")
    took = time.monotonic() - began
    console.print(coverage.table())
    console.print(faults_table(coverage.seen["faults"].most_common()))
    console.print(
        f"{seeds} disturbed city-days in {took:.0f} s: {seeds * 3600 / took:,.0f} an hour, "
        f"{steps:,} steps, {coverage.seen['faults'].total():,} disturbances"
    )
    return wrong


class _Plain(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the description."""


if __name__ == "__main__":
    main()
