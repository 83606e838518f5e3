"""The states of one dossier as what was recorded makes them: folded, with nothing decided."""

from __future__ import annotations

from typing import Any

from contracts.events.world import WorldFact
from contracts.wire.topics import DOSSIER_EVENTS
from motcua.deciders import city_deciders
from motcua.replay.recording import Recording
from services.runtime import World, widened


def recorded_states(recording: Recording, code: str, until: int) -> tuple[dict[str, Any], World]:
    """Return the dossier's states by service after the record at that place, and the rules.

    A service folds what it says at once: so what it said on these records is in its own state,
    though it stands behind them.
    """
    deciders = city_deciders(recording.header.policy)
    states = {each.name: each.initial(code) for each in deciders}
    world = recording.header.world
    applied: set[str] = set()
    before_it: set[str] = set()
    for record in recording.only(code).events():
        event = record.event
        later = record.number > until
        if event.id in applied or (later and event.cause not in before_it):
            continue
        if isinstance(event.data, WorldFact):
            world = widened(world, event.data) if record.topic == DOSSIER_EVENTS else world
            continue
        applied.add(event.id)
        if not later:
            before_it.add(event.id)
        for each in deciders:
            own = event.source == f"/motcua/{each.name}"
            if event.type in each.facts and (own or (not later and record.topic == each.topic)):
                states[each.name] = each.evolve(world, states[each.name], event)
    return states, world
