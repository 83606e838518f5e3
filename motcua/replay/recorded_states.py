"""The states of one dossier as what was recorded makes them: folded, with nothing decided."""

from __future__ import annotations

from typing import Any

from contracts.events.rules import RulesEnacted
from contracts.wire.topics import DOSSIER_EVENTS
from motcua.deciders import city_deciders
from motcua.replay.recording import Recording
from services.runtime import World, first_world, widened


def recorded_states(recording: Recording, code: str, until: int) -> dict[str, Any]:
    """Return the dossier's states by service after the record at that place."""
    deciders = city_deciders(recording.header.policy)
    states = {each.name: each.initial(code) for each in deciders}
    before = [one for one in recording.header.rules if not one.number]
    world = World((before[0],)) if before else first_world()
    applied: set[str] = set()
    for record in recording.only(code).events():
        event = record.event
        if record.number > until or event.id in applied:
            continue
        if isinstance(event.data, RulesEnacted):
            world = widened(world, event.data) if record.topic == DOSSIER_EVENTS else world
            continue
        applied.add(event.id)
        for each in deciders:
            own = event.source == f"/motcua/{each.name}"
            if event.type in each.facts and (own or record.topic == each.topic):
                states[each.name] = each.evolve(world, states[each.name], event)
    return states
