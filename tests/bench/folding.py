"""What it costs each service to fold a long dossier, without broker and database."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from functools import partial
from typing import Any

from rich.console import Console
from rich.table import Table

from contracts.wire.envelope import Event, short_id
from motcua.deciders import city_deciders
from services.runtime.core.decider import Decider
from services.runtime.core.handle import handle
from services.runtime.core.stored import Stored
from services.runtime.testing import state_hash
from tests.bench.dossier import CODE, FACTS, facts_of, long_dossier
from tests.bench.measure import in_turn, per_call


def folding_run(console: Console, rounds: int) -> dict[str, Any]:
    """Folds the dossier's facts with each service's decisions, as its engine would from the log.

    Each service is handed the facts of its types, already decoded, and handles those that it does
    not know yet: its own it knows from deciding them. Raises AssertionError if a service comes to
    another state than when the dossier was decided.
    """
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
    with console.status("folding a dossier"):
        for number in range(rounds):
            for decider in in_turn(deciders, number):
                seconds = per_call(partial(_fold, decider, facts[decider.name]))
                taken[decider.name].append(seconds * 1e6)
    table = Table("service", "facts folded", "CPU µs/dossier (spread)", "CPU µs/fact")
    found: dict[str, Any] = {"facts": FACTS, "announcements_of_sla": len(log) - FACTS}
    for name, spread in taken.items():
        middle = statistics.median(spread)
        found[name] = {
            "folded": folded[name],
            "microseconds": spread,
            "microseconds_per_dossier": middle,
            "microseconds_per_fact": middle / folded[name],
        }
        table.add_row(
            name,
            str(folded[name]),
            f"{middle:,.0f} ({min(spread):,.0f} to {max(spread):,.0f})",
            f"{middle / folded[name]:.1f}",
        )
    console.print(table)
    console.print(
        f"a dossier of {FACTS} facts of intake's and routing's and {len(log) - FACTS} of sla's; "
        "types that a service does not use are skipped before they cost anything"
    )
    return found


def _fold(decider: Decider[Any], facts: Sequence[Event]) -> Stored[Any]:
    stored = Stored(CODE, 0, decider.initial(CODE))
    for fact in facts:
        if not stored.knows(short_id(fact.id)):
            handle(decider, stored, fact)
    return stored
