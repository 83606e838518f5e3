"""Whether the states of a whole service are what the log alone gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from services.runtime.loop.rebuild import Rebuild
from services.runtime.mongo.client import Client
from services.runtime.service import Service
from services.runtime.settings import Settings


@dataclass
class ServiceCheck:
    """How a service's states compare with what the log alone gives."""

    records: int = 0
    equal: int = 0
    faults: list[str] = field(default_factory=list)
    """A line for each state that differs, and for each record that could not be folded."""


async def check_service(service: Service[Any], settings: Settings, mongo: Client) -> ServiceCheck:
    """Fold a stopped service's facts anew, compare, and leave everything as it was."""
    found = ServiceCheck()
    for decider in service.deciders(settings):
        work = Rebuild(decider, mongo[f"motcua_{service.name}"], settings)
        await work.check_stopped()
        await work.discard()
        found.records += await work.fold(lambda _done, _all: None)
        compared = await work.compare()
        await work.discard()
        found.equal += compared.equal
        where = f"{service.name}/{decider.collection}"
        found.faults += [f"{where}: {place}: {why}" for place, why in work.failed]
        found.faults += [f"{where}: {line}" for line in compared.lines()]
    return found
