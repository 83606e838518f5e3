"""Folds the states of all four services anew from the log, and compares them with the live ones."""

from __future__ import annotations

from importlib import import_module

from contracts.wire.topics import DOSSIER_EVENTS, SERVICES
from services.runtime.loop.rebuild import Rebuild
from services.runtime.mongo.client import client
from services.runtime.settings import Settings


async def not_as_rebuilt(settings: Settings) -> list[str]:
    """What differs between the states and what the log alone gives; the services are stopped."""
    found: list[str] = []
    mongo = client(settings.mongo)
    try:
        for name in SERVICES:
            service = import_module(f"services.{name}.__main__").SERVICE
            made = service.settings(
                **settings.model_dump(include={"kafka", "mongo", "partitions"}),
                channels=("email", "sms"),
                sms_url="http://127.0.0.1:1",
            )
            for decider in service.deciders(made):
                work = Rebuild(decider, mongo[f"motcua_{name}"], made)
                await work.fold(lambda done, total: None)
                compared = await work.compare()
                await work.discard()
                where = f"{name}/{decider.collection}"
                found += [f"{where}: {place} {why}" for place, why in work.failed]
                found += [f"{where}: {code} {fields}" for code, fields in compared.differing]
                found += [f"{where}: {code} is missing" for code in compared.missing]
                found += [f"{where}: {code} is new" for code in compared.added]
                if not compared.equal and decider.topic == DOSSIER_EVENTS:
                    found.append(f"{where}: nothing was compared")
    finally:
        mongo.close()
    return found
