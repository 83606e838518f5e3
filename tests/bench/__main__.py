"""``make bench``: each part beside a bare baseline, compared with the ratios that are committed.

Every figure is taken in one run on one machine, and the ratios are what lasts: the machine's
speed drifts. Ends with 1 if a part's ratio fell by more than a tenth of the committed one. All
figures go to .motcua/bench/results.json.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import Any

import uvloop
from rich.text import Text

from deploy.local.stack.stack import Stack
from services.runtime.logging import configure
from services.runtime.settings import Settings
from tests.bench.city import city_run
from tests.bench.folding import folding_run
from tests.bench.loops import loops_run
from tests.bench.messages import messages_run
from tests.bench.ratios import Ratio, Verdict, compare
from tests.bench.ratios_file import machine, read_ratios, table_of, write_ratios
from tests.bench.report import Report
from tests.bench.timers import timers_run
from tests.support.paths import ROOT
from tests.support.secured import secure_all_stacks

_ON_THE_STACK = ("loops", "city", "messages", "timers")
_PARTS = ("clocks", "folding", *_ON_THE_STACK)
_SIZES = {"loops": "dossiers", "city": "city", "messages": "told", "timers": "timers"}
"""The option that a part's ratio depends on: of another size, it cannot be compared."""
_ROUNDS = 3
_EXTRA = ("businesstimedelta", "pytz")
_GET_EXTRA = ".venv/bin/uv pip install --no-build-isolation -e '.[bench]'"


def main() -> None:
    """Runs the benches that are asked for; all of them by default."""
    os.environ["MOTCUA_TRIAL"] = "1"  # its secrets stand in this repository
    parser = _parser()
    options = parser.parse_args()
    if options.write and options.rounds < _ROUNDS:
        parser.error(f"--write needs {_ROUNDS} rounds: the ratio is their median")
    if options.secured:
        secure_all_stacks()
    parts = options.only or _PARTS
    configure("bench", level="WARNING", as_json=False)
    report = Report()
    results: dict[str, Any] = {"machine": machine(), "at": time.strftime("%Y-%m-%dT%H:%M:%S%z")}
    if "clocks" in parts:
        results["clocks"] = _clocks(options.rounds, report, asked=bool(options.only))
    if "folding" in parts:
        results["folding"] = folding_run(options.rounds, report)
    if set(parts) & set(_ON_THE_STACK):
        _on_the_stack(parts, options, results, report)
    path = ROOT / ".motcua" / "bench" / "results.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n")
    report.show(f"all figures: {path.relative_to(ROOT)}")
    unlike = {p for p, size in _SIZES.items() if getattr(options, size) != parser.get_default(size)}
    if options.secured:
        unlike |= set(_ON_THE_STACK)
    sys.exit(_judge(results, unlike, report, write=options.write))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--dossiers", type=int, default=4_000, help="in the recorded log")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="of each loop, in turn")
    parser.add_argument("--tutorial", type=int, default=3_000, help="records for the tutorial")
    parser.add_argument("--city", type=int, default=6_000, help="dossiers of the whole city")
    parser.add_argument("--timers", type=int, default=100_000, help="that are due at one moment")
    parser.add_argument("--rate", type=float, default=60.0, help="dossiers filed a second")
    parser.add_argument("--seconds", type=float, default=60.0, help="for which they are filed")
    parser.add_argument("--told", type=int, default=4_000, help="dossiers to tell of at once")
    parser.add_argument("--only", choices=_PARTS, action="append", help="may be given repeatedly")
    parser.add_argument(
        "--secured", action="store_true", help="broker and database with TLS and a login"
    )
    parser.add_argument(
        "--write", action="store_true", help="write the ratios down, to be committed"
    )
    return parser


def _clocks(rounds: int, report: Report, *, asked: bool) -> dict[str, Any] | None:
    """Working time beside a library, which is in an extra of its own; None where it is missing.

    Ends the bench if it is missing and was asked for.
    """
    try:
        from tests.bench.clocks import clocks_run
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        missing = f"clocks: {error.name} is not installed; get it with: {_GET_EXTRA}"
        if asked:
            sys.exit(missing)
        report.show(Text(missing))
        return None
    return clocks_run(rounds, report)


def _on_the_stack(
    parts: list[str] | tuple[str, ...],
    options: argparse.Namespace,
    results: dict[str, Any],
    report: Report,
) -> None:
    """Runs the benches that need Kafka and MongoDB, on a stack of their own."""
    stack = Stack(ROOT, "bench", die_with_parent=True, kafka_tuned=True)
    rounds = options.rounds
    try:
        # Each begins on an empty stack.
        if "loops" in parts:
            # On the loop that the services run on, for every contestant.
            loops = loops_run(_fresh(stack), options.dossiers, rounds, options.tutorial, report)
            results["loops"] = uvloop.run(loops)
        if "city" in parts:
            results["city"] = city_run(stack, ROOT, options.city, rounds, report)
        if "messages" in parts:
            results["messages"] = messages_run(
                stack, ROOT, options.rate, options.seconds, options.told, rounds, report
            )
        if "timers" in parts:
            timers = timers_run(stack, _fresh(stack), options.timers, rounds, report)
            results["timers"] = uvloop.run(timers)
    finally:
        stack.down()
        stack.reset()


def _fresh(stack: Stack) -> Settings:
    stack.reset()
    endpoints = stack.up()
    return Settings(kafka=endpoints.kafka, mongo=endpoints.mongo, partitions=4)


def _judge(results: dict[str, Any], unlike: set[str], report: Report, *, write: bool) -> int:
    """Compares with what is committed, or writes that anew. What this process ends with."""
    now = {
        name: Ratio.of(rounds)
        for part, figures in results.items()
        if part in _PARTS and figures and part not in unlike
        for name, rounds in figures.get("ratios", {}).items()
    }
    if skipped := unlike & results.keys():
        report.show(f"not compared, being of another size or secured: {', '.join(sorted(skipped))}")
    if not now:
        return 0
    changes = compare(read_ratios(), now)
    report.show(table_of(changes))
    if write:
        write_ratios(now)
        report.show("written: tests/bench/ratios.json")
        return 0
    return 1 if any(change.verdict is Verdict.FELL for change in changes) else 0


if __name__ == "__main__":
    main()
