"""Runs one service: its engines, its HTTP side and its timers, from start to a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import resource
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog
import uvicorn

from services.runtime.health import HealthCheck
from services.runtime.kafka.closed_connections import tell_closed_connections
from services.runtime.kafka.offsets import Offsets
from services.runtime.kafka.topics import check_topics
from services.runtime.logging import configure
from services.runtime.loop.consumer import EngineConsumer, make_broker
from services.runtime.loop.restored import check_database
from services.runtime.mongo.client import client
from services.runtime.patience import patiently
from services.runtime.service import Running, Service, SettingsT
from services.runtime.settings import DEVELOPMENT_SECRET, ClockKind, Settings, how_set
from services.runtime.wiring import app_of, make_running

log = structlog.get_logger("motcua.service")

EXIT_DEFECT = 70
"""The exit code of a service that met a defect (EX_SOFTWARE of sysexits.h)."""


def run(service: Service[SettingsT], settings: SettingsT | None = None) -> int:
    """Run the service until SIGTERM or SIGINT; return the process's exit code."""
    settings = settings or service.settings()
    freeze_startup_objects()
    raise_file_limit()
    configure(service.name, level=settings.log_level, as_json=settings.log_json)
    warn_of_trials(settings)
    with asyncio.Runner(loop_factory=_loop) as runner:
        return runner.run(serve(service, settings))


def warn_of_trials(settings: Settings) -> None:
    """Warn about settings that are good for a trial only."""
    if settings.lookup_secret == DEVELOPMENT_SECRET:
        log.warning(
            "look-up keys are made of the development secret, which everyone knows: set "
            "MOTCUA_LOOKUP_SECRET before the first receipt is printed",
            MOTCUA_LOOKUP_SECRET=how_set("MOTCUA_LOOKUP_SECRET"),
        )


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
    """Run the service on this loop until it is asked to end; return the exit code."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if not await _reached(settings, stop):
        return 0
    async with _started(service, settings, stop) as (running, server, listener):
        tasks = running.tasks
        serving = tasks.start(server.serve(sockets=[listener]), "http")
        port = listener.getsockname()[1]
        log.info("serving", url=f"http://{settings.host}:{port}", clock=settings.clock)
        asked = asyncio.create_task(stop.wait(), name="stop")
        ends: set[asyncio.Future[Any]] = {asked, tasks.failed}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        failed = tasks.failed.done()
        if failed:
            log.critical("a defect: the service stops", exc_info=tasks.failed.exception())
        log.info("stopping", reason="defect" if failed else "asked to")
        running.stopping.set()
        server.should_exit = True
        await tasks.stop(serving, cancel=False)
    return EXIT_DEFECT if failed else 0


async def _reached(settings: Settings, stop: asyncio.Event) -> bool:
    """Wait until broker and database answer; return False if the service is to end before.

    They may be starting too, or be away. Raise TopicsWrong if the topics do not match.
    """
    mongo = client(settings.mongo)

    async def reach() -> None:
        if not stop.is_set():
            await check_topics(settings)
            await mongo.admin.command("ping")

    try:
        await patiently(reach, first=settings.retry_first, most=settings.retry_most, stopping=stop)
    finally:
        mongo.close()
    return not stop.is_set()


@asynccontextmanager
async def _started(
    service: Service[SettingsT], settings: SettingsT, stop: asyncio.Event
) -> AsyncIterator[tuple[Running[SettingsT], uvicorn.Server, socket.socket]]:
    mongo = client(settings.mongo)
    running = make_running(service, settings, mongo)
    offsets = Offsets(settings.kafka)
    try:
        for engine in running.engines:
            await engine.store.prepare()
            await engine.worlds.prepare()
            await patiently(
                partial(check_database, engine, offsets),
                first=settings.retry_first,
                most=settings.retry_most,
                stopping=stop,
            )
    except BaseException:
        await offsets.stop()
        mongo.close()
        raise
    broker = make_broker(settings)
    consumers = [EngineConsumer(broker, e, settings, running.tasks) for e in running.engines]
    health = HealthCheck(running, consumers)
    app, beside = app_of(service, running, health, health.reachable)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=False,  # which proxy is trusted about a client's address is a setting
        )
    )
    # We handle the signals: the server is told to end when the engines have been told to.
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    listener = socket.create_server((settings.host, settings.port), reuse_port=False)
    tasks = running.tasks
    try:
        await running.producer.start()
        await broker.start()
        tasks.start(_watch(consumers), "progress")
        if settings.clock is ClockKind.WALL:
            for consumer in consumers:
                tasks.start(consumer.run_timers(offsets), "timers")
        async with beside or contextlib.nullcontext():
            yield running, server, listener
    finally:
        await tasks.stop_all()
        for engine in running.engines:
            engine.ownership.leave()
        await broker.stop()
        await running.producer.stop()
        await offsets.stop()
        mongo.close()
        listener.close()


async def _watch(consumers: Sequence[EngineConsumer]) -> None:
    while True:
        for consumer in consumers:
            if (kafka := consumer.subscriber.consumer) is not None:
                consumer.engine.progress.look(kafka)
        await asyncio.sleep(1.0)
