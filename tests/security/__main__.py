"""``make attack``: a city of this machine is attacked, beside those who use it.

Prints what the attackers were answered, how long others waited meanwhile, and the most memory that
each process held. Exits 1 if somebody else did not get what they came for, if an engine lost its
partitions, or if a process held more memory than its manifest allows.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deploy.local.stack.city import City
from deploy.local.stack.stack import Stack
from services.runtime.kafka.topics import create_topics
from services.runtime.logging import configure
from services.runtime.settings import Settings
from tests.security.bystanders import Waited
from tests.security.drills import WHOLE, Drill, Drills
from tests.support.paths import ROOT

_PARTITIONS = 4
console = Console()


def main() -> None:
    """Attacks with what is asked for; by default with everything, at full scale."""
    os.environ["MOTCUA_TRIAL"] = "1"  # its secrets stand in this repository
    parser = argparse.ArgumentParser(prog="make attack", description=__doc__)
    parser.add_argument(
        "--only", choices=Drills.NAMES, action="append", help="may be given repeatedly"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="0.1: a tenth of everything")
    parser.add_argument("--at-once", type=int, default=200, help="guessers' connections at a time")
    options = parser.parse_args()
    configure("attack", level="ERROR", as_json=False)
    done, memory = _attacked(options)
    faults = [f"{drill.name}: {fault}" for drill in done for fault in drill.faults]
    for drill in done:
        _print(drill)
    table = Table("process", "most memory", "may hold")
    for name, most in memory.items():
        limit = _limit(name.rpartition("-")[0])
        table.add_row(name, *(f"{size / 2**20:.0f} MB" for size in (most, limit)))
        if most > limit:
            faults.append(f"{name} held {most / 2**20:.0f} MB")
    console.print(table)
    for fault in faults:
        console.print(f"[red]{fault}[/red]")
    if faults:
        sys.exit(1)
    console.print("[green]others were served meanwhile, and nothing broke[/green]")


def _attacked(options: argparse.Namespace) -> tuple[list[Drill], dict[str, int]]:
    """Starts a city and attacks it. Returns what it came to, and the most memory of each."""
    start = time.monotonic()

    def tell(line: str) -> None:
        console.print(f"[dim]{time.monotonic() - start:6.1f} s[/dim]  {line}")

    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "stack", "attack", die_with_parent=True)
        tell("a city of this machine starts")
        try:
            endpoints = stack.up()
            settings = Settings(
                kafka=endpoints.kafka, mongo=endpoints.mongo, partitions=_PARTITIONS
            )
            asyncio.run(create_topics(settings))
            with City(
                endpoints,
                Path(folder) / "city",
                partitions=_PARTITIONS,
                lookup_secrets="1:tests",
                channels="email",
                quiet_from="00:00",  # whenever it is run
                quiet_until="00:00",
            ) as city:
                city.start_all()
                scale = WHOLE.times(options.scale, at_once=options.at_once)
                drills = Drills(city, scale, tell)
                done = asyncio.run(drills.run(options.only or Drills.NAMES))
                return done, drills.memory()
        finally:
            stack.reset()


def _print(drill: Drill) -> None:
    came = ", ".join(f"{count:,} x {status}" for status, count in drill.came.most_common())
    console.print(
        f"\n[bold]{drill.name}[/bold]: {drill.came.total():,} in {drill.seconds:.0f} s, "
        f"answered {came}"
    )
    table = Table("meanwhile", "how many", "half within", "99 % within", "all within")
    for who, waited in (("looked at a dossier", drill.looks), ("were mailed", drill.mails)):
        table.add_row(who, f"{len(waited.seconds):,}", *_times(waited))
    console.print(table)


def _times(waited: Waited) -> list[str]:
    return [f"{waited.share(part):.2f} s" for part in (0.5, 0.99, 1.0)]


def _limit(process: str) -> int:
    """The bytes of memory that its manifest gives a process."""
    text = (ROOT / "deploy" / "kubernetes" / f"{process}.yaml").read_text(encoding="utf-8")
    (found,) = re.findall(r"limits: \{ memory: (\d+)Mi \}", text)
    return int(found) * 2**20


if __name__ == "__main__":
    main()
