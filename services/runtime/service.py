"""What makes one service of the runtime, and what its parts may use while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI

from services.runtime.core.decider import Decider
from services.runtime.http.ask import Ask
from services.runtime.kafka.producer import EventProducer
from services.runtime.loop.clock import Clock
from services.runtime.loop.engine import Engine
from services.runtime.loop.faults import Faults
from services.runtime.mongo.client import Database
from services.runtime.settings import Settings
from services.runtime.supervised import Supervised


@dataclass
class Running:
    """What a service's own parts may use while it runs."""

    settings: Settings
    database: Database
    producer: EventProducer
    clock: Clock
    faults: Faults
    tasks: Supervised
    """Whatever runs beside the engines is started here: if it fails, the service does."""
    engines: list[Engine[Any]] = field(default_factory=list)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the service is to end: an answer that has no end of its own ends then."""

    @property
    def engine(self) -> Engine[Any]:
        """The engine over dossiers."""
        return self.engines[0]


@dataclass(frozen=True)
class Service:
    """What makes one service of the runtime."""

    name: str
    title: str
    deciders: Callable[[Settings], Sequence[Decider[Any]]]
    """Its deciders; the first is the one over dossiers."""
    routes: Callable[[FastAPI, Running, Ask], None]
    """Adds its HTTP routes."""
    settings: type[Settings] = Settings
    beside: Callable[[Running], AbstractAsyncContextManager[None]] | None = None
    """What else runs as long as the service does."""
