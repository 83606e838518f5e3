"""Puts a service together: its engines and its HTTP app. Nothing is connected or started here."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial

from fastapi import FastAPI

from contracts.values import DOSSIER_CODE
from services.runtime.audit.audit import Audit
from services.runtime.audit.chain_keys import chain_key
from services.runtime.audit.kinds import AuditKind
from services.runtime.audit.link import AuditEntry
from services.runtime.http.answers import Health
from services.runtime.http.app import add_answers, make_app
from services.runtime.http.docs_pages import add_docs_pages
from services.runtime.http.door import Door
from services.runtime.http.requests import Requests
from services.runtime.kafka.clients import AIOKAFKA, Clients
from services.runtime.kafka.producer import EventProducer
from services.runtime.loop.clock import StreamClock, make_clock, wall_clock
from services.runtime.loop.engine import Engine
from services.runtime.loop.faults import Faults
from services.runtime.mongo.client import Client
from services.runtime.mongo.partitions import Partitions
from services.runtime.mongo.store import Store
from services.runtime.record_keys import record_keys
from services.runtime.refusal import CannotStart
from services.runtime.service import Beside, Running, Service
from services.runtime.settings import ClockKind, Settings, SettingsT
from services.runtime.signin.verifier import Verifier
from services.runtime.supervised import Supervised


def make_running(
    service: Service[SettingsT],
    settings: SettingsT,
    mongo: Client,
    kafka: Clients = AIOKAFKA,
    faults: Faults | None = None,
) -> Running[SettingsT]:
    """Return the service's engines and what they share. Must be called where an event loop runs."""
    keys = record_keys(settings)
    key = settings.audit_key
    running = Running(
        settings,
        mongo[f"motcua_{service.shows or service.name}"],
        EventProducer(settings.kafka, kafka, None if keys is None else keys.keys),
        make_clock(settings),
        faults or Faults(settings.stop_at),
        Supervised(),
        Audit(
            service.name,
            # Its own: the engine's batches are not waited for, and its failures are its own.
            EventProducer(settings.kafka, kafka),
            wall_clock(settings),  # when somebody asked is no matter of a replay's time
            key=chain_key(key.get_secret_value() if key else None),
            patience=settings.answer_timeout,
        ),
        kafka=kafka,
    )
    for decider in service.deciders(settings):
        collection = running.database[decider.collection]
        store = Store(collection, decider.state_type, decider.waking)
        partitions = Partitions(running.database, decider.topic, decider.collection)
        # A tick says what is settled in its own topic: for another topic it may be too early.
        streamed = running.engines and settings.clock is ClockKind.STREAM
        clock = StreamClock() if streamed else running.clock
        engine = Engine(
            decider, store, partitions, running.producer, clock, settings, running.faults
        )
        engine.reporting.on_forged.append(partial(_tell_foreign, running.audit))
        running.engines.append(engine)
    return running


def _tell_foreign(audit: Audit, subject: str, place: str, type_name: str, reason: str) -> None:
    audit.tell(
        AuditEntry(
            AuditKind.FOREIGN_FACT,
            request=type_name,
            # A subject that is no dossier may be a person.
            dossier=subject if re.fullmatch(DOSSIER_CODE, subject) else "",
            object=place,
            reason=reason,
        )
    )


def verifier_of(settings: Settings) -> Verifier | None:
    """Return what verifies the issuer's tokens; None where no sign-in is set up."""
    if settings.oidc_issuer is None:
        return None
    return Verifier(settings.oidc_issuer, settings.oidc_audience, settings.oidc_skew)


def app_of(
    service: Service[SettingsT],
    running: Running[SettingsT],
    health: Callable[[], Awaitable[Health]],
    reachable: Callable[[], Awaitable[bool]],
    verify: Verifier | None = None,
) -> tuple[FastAPI, Beside | None]:
    """Return the service's HTTP app with all its routes, and what runs beside the engines.

    Tokens are verified by `verify`; by default, by what the issuer in the settings publishes. Raise
    CannotStart without an issuer, unless it is a trial.
    """
    requests = Requests(running.dossiers, timeout=running.settings.answer_timeout)
    settings = running.settings
    door = Door(service.doors, verify or verifier_of(settings), trial=settings.trial)
    app = make_app(service.name, service.title, settings, health, reachable, door, running.audit)
    beside = service.wire(app, running, requests)
    if not service.shows:  # whoever looks at it is signed in nowhere
        add_answers(app, requests, service.name)
        add_docs_pages(app)
    if door.closed and not settings.trial:
        raise CannotStart(
            "nobody could sign in: set MOTCUA_OIDC_ISSUER to the city's identity provider, or "
            "MOTCUA_TRIAL=1 for a trial"
        )
    return app, beside
