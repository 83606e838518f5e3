"""What it costs each service to fold a long dossier, without broker and database.

Beside a fold that knows no rules: it keeps the newest value of each field and the facts it knows.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from functools import partial
from typing import Any

from rich.table import Table

from contracts.wire.envelope import Event, short_id
from motcua.deciders import city_deciders
from services.runtime.core.decider import Decider
from services.runtime.core.handle import handle
from services.runtime.core.stored import Stored
from services.runtime.testing import state_hash
from tests.bench.dossier import CODE, FACTS, facts_of, long_dossier
from tests.bench.measure import in_turn, per_call
from tests.bench.report import Report
from tests.support.rule_sets import WORLD


def folding_run(rounds: int, report: Report) -> dict[str, Any]:
    """Folds the dossier's facts with each service's decisions, as its engine would from the log.

    Each service is handed the facts of its types, already decoded, and handles those that it does
    not know yet: its own it knows from deciding them. Raises AssertionError if a service comes to
    another state than when the dossier was decided.
    """
    report.step("folding: a long dossier")
    deciders = sorted(city_deciders(), key=lambda decider: decider.name != "sla")
    city = long_dossier(deciders)
    log = facts_of(city)
    facts = {d.name: [fact for fact in log if fact.type in d.facts] for d in deciders}
    folded: dict[str, int] = {}
    for decider in deciders:
        stored = _fold(decider, facts[decider.name])
        if state_hash(stored.state) != state_hash(city.states[decider.name][CODE].state):
            raise AssertionError(f"{decider.name} folds another dossier than it decided")
        folded[decider.name] = len(stored.applied)
    taken: dict[str, list[float]] = {decider.name: [] for decider in deciders}
    bare: dict[str, list[float]] = {decider.name: [] for decider in deciders}
    for number in range(rounds):
        report.step(f"folding: round {number + 1} of {rounds}")
        for decider in in_turn(deciders, number):
            name = decider.name
            taken[name].append(per_call(partial(_fold, decider, facts[name])) * 1e6)
            bare[name].append(per_call(partial(_bare_fold, facts[name])) * 1e6)
    table = Table("service", "facts", "CPU µs/dossier (spread)", "CPU µs/fact", "bare", "ratio")
    found: dict[str, Any] = {"facts": FACTS, "announcements_of_sla": len(log) - FACTS, "ratios": {}}
    for name, spread in taken.items():
        middle, baseline = statistics.median(spread), statistics.median(bare[name])
        ratios = [b / t for b, t in zip(bare[name], spread, strict=True)]
        found["ratios"][f"folding.{name}"] = ratios
        found[name] = {
            "folded": folded[name],
            "microseconds": spread,
            "microseconds_bare": bare[name],
            "microseconds_per_dossier": middle,
            "microseconds_per_fact": middle / folded[name],
        }
        table.add_row(
            name,
            str(folded[name]),
            f"{middle:,.0f} ({min(spread):,.0f} to {max(spread):,.0f})",
            f"{middle / folded[name]:.1f}",
            f"{baseline / folded[name]:.2f}",
            f"{statistics.median(ratios):.3g}",
        )
    report.show(
        table,
        f"a dossier of {FACTS} facts of intake's and routing's and {len(log) - FACTS} of sla's; "
        "types that a service does not use are skipped before they cost anything",
    )
    return found


def _fold(decider: Decider[Any], facts: Sequence[Event]) -> Stored[Any]:
    stored = Stored(CODE, 0, decider.initial(CODE))
    for fact in facts:
        if not stored.knows(short_id(fact.id)):
            handle(decider, WORLD, stored, fact)
    return stored


def _bare_fold(facts: Sequence[Event]) -> dict[str, Any]:
    state: dict[str, Any] = {}
    known: set[bytes] = set()
    for fact in facts:
        if (short := short_id(fact.id)) not in known:
            known.add(short)
            state = {**state, **vars(fact.data)}
    return state
