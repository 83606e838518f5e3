"""Small streams to record: a simulated day, and a city by the wall clock."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from unittest.mock import patch

from msgspec.structs import replace

from contracts.catalogue import load_catalogue
from contracts.rules import sample_rules
from contracts.wire.envelope import Event
from deploy.local.stack.city import City
from motcua.deciders import calendars
from motcua.replay.aliases import Aliases
from motcua.replay.header import Header, Selection
from motcua.replay.lines import Recorded
from motcua.replay.parting import Parting
from motcua.replay.record_command import record_city
from motcua.replay.recorder import Recorder
from motcua.simulate import SimulatedDay, Simulation, simulate_day
from services.runtime import ClockKind

ALIASES = Aliases(b"of these tests alone")
_ALL = Selection()


def drawn(seed: int) -> SimulatedDay:
    """A small day in which many are late."""
    of = Simulation(dossiers=25, carried_over=35, seed=seed, late_share=0.3)
    return simulate_day(of, load_catalogue(), calendars())


def record_by_wall(path: Path, requests: Iterable[Event], until: datetime) -> None:
    """Records what a city by the wall clock makes of requests, each entered when it happened."""
    header = Header(
        release="0", clock=ClockKind.WALL, until=until, partitions=4, rules=(sample_rules(),)
    )
    with Recorder(path, header, guided=False) as recorder:
        for number, event in enumerate(requests, start=1):
            entered = replace(event, recorded=event.time)
            recorder.take(Recorded(number, event.data.TOPIC, 0, entered))
        recorder.end()


async def record_live(
    city: City, out: Path, selection: Selection = _ALL, aliases: Aliases | None = ALIASES
) -> list[Parting]:
    """Records a live city as the command does, with the variables that its notify has."""
    with patch.dict(os.environ, city.environment()):
        return await record_city(out, selection, aliases)
