"""``make chaos``: the long kill test. Prints every count; exits 1 if anything was lost."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from contracts.catalogue import load_catalogue
from deploy.local.stack import Stack
from motcua.deciders import calendars
from motcua.simulate import Simulation, plan_city
from tests.chaos.drills import every_drill
from tests.chaos.outcome import Outcome, differences
from tests.chaos.run import run_city

ROOT = Path(__file__).parents[2]
console = Console()


def main() -> None:
    """A calm run, a drilled run of the same day, and what differs."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--dossiers", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with console.status("planning the day"):
        plan = plan_city(
            Simulation(
                dossiers=options.dossiers,
                carried_over=options.dossiers // 4,
                seed=options.seed,
                late_share=0.02,
                contacts=True,
            ),
            load_catalogue(),
            calendars(),
        )
    drills = every_drill(options.seed)
    stack = Stack(ROOT, "chaos", die_with_parent=True, smtp_fsync=False)
    folder = ROOT / ".motcua" / "chaos"
    start = time.monotonic()

    def tell(line: str) -> None:
        console.print(f"[dim]{time.monotonic() - start:6.1f} s[/dim]  {line}")

    try:
        tell("a calm day")
        calm, _ = asyncio.run(run_city(stack, folder / "calm", plan, [], tell))
        tell(f"the same day under {len(drills)} drills")
        drilled, watch = asyncio.run(run_city(stack, folder / "drilled", plan, drills, tell))
    finally:
        stack.down()
        stack.reset()
    wrong = differences(calm, drilled)
    _print(calm, drilled)
    console.print(f"arrows at which a service was killed: {len(watch.reached)}")
    if watch.pending():
        console.print(f"arrows that the work did not come to: {', '.join(watch.pending())}")
    report = {
        "dossiers": len(calm.states["intake"]),
        "drills": [str(d) for d in drills],
        "reached": watch.reached,
        "differences": wrong,
        "repeated_records": drilled.repeated,
        "mails": len(drilled.messages),
        "sms": len(drilled.sms),
        "sms_accepted_twice": sum(n - 1 for n in drilled.sms.values()),
        "accepted_twice": sum(n - 1 for n in drilled.messages.values()),
    }
    (folder / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    for line in wrong:
        console.print(f"[red]{line}[/red]")
    if wrong:
        sys.exit(1)
    console.print("[green]the same states, facts and messages[/green]")


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
