"""What a service of the runtime consists of, and what its parts may use while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from fastapi import FastAPI

from services.runtime.audit.audit import Audit
from services.runtime.core.decider import Decider, S
from services.runtime.http.door import Doors
from services.runtime.http.requests import Requests
from services.runtime.kafka.clients import AIOKAFKA, Clients
from services.runtime.kafka.producer import EventProducer
from services.runtime.loop.clock import Clock
from services.runtime.loop.engine import Engine
from services.runtime.loop.faults import Faults
from services.runtime.mongo.client import Database
from services.runtime.settings import Settings, SettingsT
from services.runtime.supervised import Supervised

SettingsT_co = TypeVar("SettingsT_co", bound=Settings, covariant=True)
D = TypeVar("D")

Beside = AbstractAsyncContextManager[None]
"""What else runs as long as the service runs."""


@dataclass(frozen=True)
class Running(Generic[SettingsT_co]):
    """What a service's own parts may use while it runs."""

    settings: SettingsT_co
    database: Database
    producer: EventProducer
    clock: Clock
    faults: Faults
    tasks: Supervised
    """Everything that runs beside the engines is started here: its failure is the service's."""
    audit: Audit
    """Tells who asked for what, and what those who watch over security must know."""
    engines: list[Engine[Any]] = field(default_factory=list)
    kafka: Clients = AIOKAFKA
    """Makes further clients of the same broker."""
    preparing: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    """What the database needs before the service answers: indexes."""
    closing: list[Callable[[], object]] = field(default_factory=list)
    """What is closed when nothing runs any more: connections that a part made for itself."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the service is to end: an answer without an end of its own ends then."""

    @property
    def dossiers(self) -> Engine[Any]:
        """The engine over dossiers: that of the service's first decider."""
        return self.engines[0]

    def engine(self, of: type[Decider[S]]) -> Engine[S]:
        """Return the engine that runs this class of decider. Raise LookupError if none does."""
        for engine in self.engines:
            if type(engine.decider) is of:
                return engine
        raise LookupError(f"no engine runs {of.__name__}; there are {self._deciders()}")

    def decider(self, of: type[D]) -> D:
        """Return the service's decider of this class. Raise LookupError if there is none."""
        for engine in self.engines:
            if isinstance(engine.decider, of):
                return engine.decider
        raise LookupError(f"there is no {of.__name__}; there are {self._deciders()}")

    def _deciders(self) -> str:
        return ", ".join(type(engine.decider).__name__ for engine in self.engines)


@dataclass(frozen=True)
class Service(Generic[SettingsT]):
    """What a service of the runtime consists of."""

    name: str
    title: str
    settings: type[SettingsT]
    deciders: Callable[[SettingsT], Sequence[Decider[Any]]]
    """Makes the service's deciders; the first is the one over dossiers."""
    wire: Callable[[FastAPI, Running[SettingsT], Requests], Beside | None]
    """Builds the service's parts and adds its HTTP routes; returns what runs beside the engines.

    It connects to nothing and starts nothing.
    """
    doors: Doors
    """Whom each route admits. A route that is not named here admits nobody."""
    shows: str = ""
    """The service whose states it shows, for an onlooker, which only shows them and asks for
    changes: it reads no log, owns no partition, and writes nothing into that service's database."""
