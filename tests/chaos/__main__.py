"""``make chaos``: the long kill test, and the provider's own drills on the wall clock.

Prints every count; exits 1 if anything was lost, or told twice where that must not be. Each run
draws a day and drills of its own, unless it is given the seed of another: it prints the command
that repeats it first, and last.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from random import SystemRandom
from typing import Any

from rich.console import Console
from rich.table import Table

from contracts.catalogue import load_catalogue
from deploy.local.stack.stack import Stack
from motcua.deciders import calendars
from motcua.simulate import Simulation, simulate_day, slices
from tests.chaos.drills import every_drill, spread
from tests.chaos.outcome import Outcome, differences
from tests.chaos.provider import away, keyless
from tests.chaos.run import Tell, run_city
from tests.support.paths import ROOT

console = Console()


DRILLS = ("day", "away", "keyless")


def main() -> None:
    """Does the drills that are asked for; all of them by default."""
    os.environ["MOTCUA_TRIAL"] = "1"  # its secrets stand in this repository
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--only", choices=DRILLS, help="one of the three")
    parser.add_argument("--dossiers", type=int, default=2_000, help="of the drilled day")
    parser.add_argument("--seed", type=int, help="of the day and its drills; drawn if not given")
    parser.add_argument("--away", type=float, default=300.0, help="seconds without the provider")
    parser.add_argument("--rate", type=float, default=20.0, help="dossiers filed a second then")
    parser.add_argument("--kills", type=int, default=12, help="where keys are ignored")
    options = parser.parse_args()
    given = sys.argv[1:]
    if options.seed is None:
        options.seed = SystemRandom().randrange(1, 1_000_000)
        given = ["--seed", str(options.seed), *given]
    again = f'seed {options.seed}; to repeat it: make chaos ARGS="{" ".join(given)}"'
    console.print(again, soft_wrap=True)
    try:
        wrong = _drill(options)
    finally:
        console.print(again, soft_wrap=True)
    if wrong:
        sys.exit(1)


def _drill(options: argparse.Namespace) -> list[str]:
    """Does the drills and writes the report. Returns what is wrong, in words."""
    stack = Stack(ROOT, "chaos", die_with_parent=True, smtp_fsync=False)
    folder = ROOT / ".motcua" / "chaos"
    start = time.monotonic()

    def tell(line: str) -> None:
        console.print(f"[dim]{time.monotonic() - start:6.1f} s[/dim]  {line}")

    report: dict[str, dict[str, Any]] = {}
    try:
        if options.only in (None, "day"):
            report["day"] = _day(stack, folder, options.dossiers, options.seed, tell)
        if options.only in (None, "away"):
            tell(f"the provider is to be away for {options.away:.0f} s")
            gone = asyncio.run(away(stack, folder / "away", options.away, options.rate, tell))
            report["away"] = asdict(gone)
            console.print(
                f"{gone.messages:,} messages about {gone.dossiers:,} dossiers; "
                f"{gone.waiting:,} dossiers waited when the provider was back, and "
                f"{gone.seconds_until_told:.0f} s later everyone was told"
            )
        if options.only in (None, "keyless"):
            tell(f"a provider that ignores keys, and {options.kills} kills")
            ignored = asyncio.run(
                keyless(stack, folder / "keyless", options.kills, options.rate, tell)
            )
            report["keyless"] = asdict(ignored)
            console.print(
                f"{ignored.messages:,} messages; told twice after each kill: "
                f"{', '.join(map(str, ignored.twice_by_kill))}"
            )
    finally:
        stack.down()
        stack.reset()
    folder.mkdir(parents=True, exist_ok=True)
    written = json.dumps({"seed": options.seed, **report}, indent=2)
    (folder / "report.json").write_text(written + "\n")
    wrong = [line for drill in report.values() for line in drill["wrong"]]
    for line in wrong:
        console.print(f"[red]{line}[/red]")
    if not wrong:
        console.print("[green]nothing lost, nobody told what is not so[/green]")
    return wrong


def _day(stack: Stack, folder: Path, dossiers: int, seed: int, tell: Tell) -> dict[str, Any]:
    """A calm run, a drilled run of the same day, and what differs."""
    with console.status("planning the day"):
        simulated = simulate_day(
            Simulation(
                dossiers=dossiers,
                carried_over=dossiers // 4,
                seed=seed,
                late_share=0.02,
                contacts=True,
            ),
            load_catalogue(),
            calendars(),
        )
    drills = every_drill(seed)
    when = spread(drills, len(list(slices(simulated.requests, ends=simulated.ends))))
    tell("a calm day")
    calm, _ = asyncio.run(run_city(stack, folder / "calm", simulated, {}, tell))
    tell(f"the same day under {len(drills)} drills")
    drilled, watch = asyncio.run(run_city(stack, folder / "drilled", simulated, when, tell))
    _print(calm, drilled)
    console.print(f"arrows at which a service was killed: {len(watch.reached)}")
    if watch.pending():
        console.print(f"arrows that the work did not come to: {', '.join(watch.pending())}")
    return {
        "dossiers": len(calm.states["intake"]),
        "drills": [str(d) for d in drills],
        "reached": watch.reached,
        "wrong": differences(calm, drilled),
        "repeated_records": drilled.repeated,
        "mails": len(drilled.messages),
        "mails_accepted_twice": sum(n - 1 for n in drilled.messages.values()),
        "sms": len(drilled.sms),
        "sms_accepted_twice": sum(n - 1 for n in drilled.sms.values()),
    }


def _print(calm: Outcome, drilled: Outcome) -> None:
    table = Table("", "calm", "drilled")
    table.add_row("dossiers", *(f"{len(o.states['intake']):,}" for o in (calm, drilled)))
    table.add_row("distinct records", *(f"{len(o.facts):,}" for o in (calm, drilled)))
    table.add_row("records twice in the log", *(f"{o.repeated:,}" for o in (calm, drilled)))
    for alert in sorted(calm.late.keys() | drilled.late.keys()):
        table.add_row(alert, *(f"{o.late[alert]:,}" for o in (calm, drilled)))
    table.add_row("mails accepted", *(f"{len(o.messages):,}" for o in (calm, drilled)))
    table.add_row(
        "of these accepted twice",
        *(f"{sum(n - 1 for n in o.messages.values()):,}" for o in (calm, drilled)),
    )
    table.add_row("SMS accepted", *(f"{len(o.sms):,}" for o in (calm, drilled)))
    table.add_row(
        "of these accepted twice",
        *(f"{sum(n - 1 for n in o.sms.values()):,}" for o in (calm, drilled)),
    )
    table.add_row("receipts in the log", *(f"{o.receipts.total():,}" for o in (calm, drilled)))
    console.print(table)


if __name__ == "__main__":
    main()
