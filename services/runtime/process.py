"""Runs one service: its engines, its HTTP side and its timers, from start to a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import resource
import signal
import socket
from collections.abc import Coroutine, Sequence
from typing import Any

import structlog
import uvicorn
from faststream.kafka import KafkaBroker
from starlette.types import ASGIApp

from services.runtime.health import HealthCheck
from services.runtime.http.connection import connection
from services.runtime.http.until_started import UntilStarted
from services.runtime.kafka.access import kafka_access
from services.runtime.kafka.closed_connections import tell_closed_connections
from services.runtime.kafka.offsets import Offsets
from services.runtime.logging import configure
from services.runtime.loop.consumer import EngineConsumer, make_broker
from services.runtime.mongo.access import mongo_access
from services.runtime.mongo.client import client
from services.runtime.patience import patiently
from services.runtime.record_keys import check_complete, check_own, record_keys
from services.runtime.refusal import CannotStart
from services.runtime.service import Running, Service
from services.runtime.settings import ClockKind, Settings, SettingsT, settings_told
from services.runtime.start import Start
from services.runtime.wiring import app_of, make_running

log = structlog.get_logger("motcua.service")

_RULES_SECONDS = 5.0
"""Seconds after which an onlooker shows what was enacted."""
EXIT_DEFECT = 70
"""The exit code of a service that met a defect (EX_SOFTWARE of sysexits.h)."""
EXIT_REFUSED = 78
"""The exit code of a service that refused to start (EX_CONFIG of sysexits.h)."""


def run(service: Service[SettingsT], settings: SettingsT | None = None) -> int:
    """Run the service until SIGTERM or SIGINT; return the process's exit code."""
    try:
        settings = settings or settings_told(service.settings)
    except CannotStart as error:
        configure(service.name)
        return _refuse(error)
    freeze_startup_objects()
    raise_file_limit()
    configure(service.name, level=settings.log_level, as_json=settings.log_json)
    if settings.trial:
        log.warning("this is a trial: it may use secrets that everyone knows (MOTCUA_TRIAL)")
    try:
        kafka_access().options()
        mongo_access().options(settings.mongo)
        if service.shows:
            check_own(record_keys(settings), service.name)
        else:
            check_complete(record_keys(settings))
    except CannotStart as error:
        return _refuse(error)
    with asyncio.Runner(loop_factory=_loop) as runner:
        try:
            return runner.run(serve(service, settings))
        except CannotStart as error:
            return _refuse(error)


def _refuse(error: CannotStart) -> int:
    log.critical("the service does not start", reason=str(error))
    return EXIT_REFUSED


def freeze_startup_objects() -> None:
    """Exclude what was loaded at the start from every later run of the garbage collector."""
    gc.collect()
    gc.freeze()
    # A batch makes many objects and no cycles; by default Python searches every 700 objects.
    gc.set_threshold(50_000, 20, 50)


def raise_file_limit() -> None:
    """Raise the limit of open files, connections included, as far as the process may.

    The usual limit of 1,024 is for the sake of programs that cannot go beyond; this one can.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _loop() -> asyncio.AbstractEventLoop:
    import uvloop

    tell_closed_connections()
    return uvloop.new_event_loop()


async def serve(service: Service[SettingsT], settings: SettingsT) -> int:
    """Run the service on this loop until it is asked to end; return the exit code.

    It answers for its health from the start, before broker and database answer. Raise CannotStart
    if something around it does not let it start.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as parts:
        mongo = client(settings.mongo)
        parts.callback(mongo.close)
        offsets = Offsets(settings.kafka)
        parts.push_async_callback(offsets.stop)
        running = make_running(service, settings, mongo)
        broker = make_broker(settings)
        engines = [] if service.shows else running.engines
        consumers = [EngineConsumer(broker, e, settings, running.tasks) for e in engines]
        start = Start(running, broker, consumers, offsets)
        health = HealthCheck(running, consumers, offsets, start)
        app, beside = app_of(service, running, health, health.reachable)
        listener = parts.enter_context(socket.create_server((settings.host, settings.port)))
        parts.push_async_callback(_end, running, broker)
        started = UntilStarted(app, lambda: start.waits_for is None)
        server = _server(started, settings)
        serving = running.tasks.start(server.serve(sockets=[listener]), "http")
        url = f"http://{settings.host}:{listener.getsockname()[1]}"
        log.info("starting", url=url, clock=settings.clock)
        asked = asyncio.create_task(stop.wait(), name="stop")
        ends: set[asyncio.Future[Any]] = {asked, running.tasks.failed}
        try:
            async with contextlib.AsyncExitStack() as work:
                if await _unless(ends, start.run()):
                    _work(consumers, offsets)
                    if service.shows:
                        running.tasks.start(_know_rules(running), "rules")
                    await work.enter_async_context(beside or contextlib.nullcontext())
                    log.info("serving", url=url, clock=settings.clock)
                    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                if failed := running.tasks.failed.done():
                    error = running.tasks.failed.exception()
                    log.critical("a defect: the service stops", exc_info=error)
                log.info("stopping", reason="defect" if failed else "asked to")
                running.stopping.set()
                server.should_exit = True
                await running.tasks.stop(serving, cancel=False)
        finally:
            asked.cancel()
    return EXIT_DEFECT if failed else 0


async def _unless(ends: set[asyncio.Future[Any]], work: Coroutine[Any, Any, None]) -> bool:
    """Return whether the work was done before one of the ends came; if not, it is broken off."""
    working = asyncio.create_task(work, name="start")
    await asyncio.wait({working, *ends}, return_when=asyncio.FIRST_COMPLETED)
    if working.done():
        working.result()
        return True
    working.cancel()
    await asyncio.wait({working})
    return False


def _server(app: ASGIApp, settings: Settings) -> uvicorn.Server:
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=connection(settings.body_timeout),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=False,  # which proxy is trusted about a client's address is a setting
        )
    )
    # We handle the signals: the server is told to end when the engines have been told to.
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    return server


def _work(consumers: Sequence[EngineConsumer], offsets: Offsets) -> None:
    """Start what runs beside the consumers: the watch on their progress, and timers."""
    for consumer in consumers:
        consumer.tasks.start(_watch(consumer), "progress")
        if consumer.engine.settings.clock is ClockKind.WALL:
            consumer.tasks.start(consumer.run_timers(offsets), "timers")


async def _end(running: Running[Settings], broker: KafkaBroker) -> None:
    await running.tasks.stop_all()
    for engine in running.engines:
        engine.ownership.leave()
    await broker.stop()
    await running.producer.stop()
    await running.audit.close()
    for close in running.closing:
        close()


async def _know_rules(running: Running[Any]) -> None:
    """Read again and again which rules are in force: nobody else tells an onlooker."""
    while True:
        await asyncio.sleep(_RULES_SECONDS)
        for engine in running.engines:
            await patiently(engine.worlds.prepare)


async def _watch(consumer: EngineConsumer) -> None:
    while True:
        if (kafka := consumer.subscriber.consumer) is not None:
            consumer.engine.progress.look(kafka)
        await asyncio.sleep(1.0)
