"""Every service's OpenAPI document, from the routes themselves."""

from __future__ import annotations

import asyncio
import json
from importlib import import_module
from pathlib import Path
from typing import Any

from contracts.wire.topics import SERVICES
from services.runtime.http.app import add_answers, add_balance, make_app
from services.runtime.http.ask import Ask
from services.runtime.kafka.producer import EventProducer
from services.runtime.loop.clock import WallClock
from services.runtime.loop.engine import Engine
from services.runtime.loop.faults import Faults
from services.runtime.mongo.client import client
from services.runtime.mongo.store import Store
from services.runtime.service import Running, Service


async def _document(name: str) -> dict[str, Any]:
    """One service's OpenAPI document. Nothing is connected to make it."""
    service: Service = import_module(f"services.{name}.__main__").SERVICE
    settings = service.settings()
    mongo = client("mongodb://127.0.0.1:1")
    producer = EventProducer(settings.kafka)
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    running = Running(settings, mongo["openapi"], producer, WallClock(), Faults(), future)
    for decider in service.deciders(settings):
        store = Store(running.database[decider.collection], decider.state_type)
        running.engines.append(Engine(decider, store, producer, running.clock, settings))

    async def nobody() -> Any:
        raise AssertionError("no one asks while a document is made")

    ask = Ask(running.engine, timeout=1.0)
    app = make_app(name, service.title, settings, nobody, nobody)
    service.routes(app, running, ask)
    add_answers(app, ask, name)
    add_balance(app, running.engine.store.collection, name)
    made: dict[str, Any] = app.openapi()
    mongo.close()
    return made


def write_documents(folder: Path) -> list[Path]:
    """Writes them all; returns where."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in SERVICES:
        path = folder / f"{name}.json"
        document = asyncio.run(_document(name))
        path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
        paths.append(path)
    return paths
