"""The rules that are in force now: for answers and figures, never for decisions."""

from __future__ import annotations

from services.runtime import Database, Running, Settings, WallClock, read_world
from services.sla.deciding.rules import Rules, rules_of


def rules_now(running: Running[Settings]) -> Rules:
    """Return the rules in force by the service's clock."""
    return rules_of(running.dossiers.worlds.newest.at(running.clock.now()))


async def read_rules(database: Database) -> Rules:
    """Return the rules in force by the wall clock, as sla's database has them."""
    return rules_of((await read_world(database)).at(WallClock().now()))
