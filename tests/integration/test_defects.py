"""Whatever fails beside the engines ends the service: loudly, and with the code of a defect."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import uvicorn
from fastapi import FastAPI
from structlog.testing import CapturingLogger

from contracts.wire.envelope import Event
from contracts.wire.topics import DOSSIER_EVENTS
from services.runtime import World, process
from services.runtime.core.decider import NoReactions, NoRequests, NoTimers
from services.runtime.http.requests import Requests
from services.runtime.loop.progress import Progress
from services.runtime.loop.timers import Timers
from services.runtime.service import Beside, Running, Service
from services.runtime.settings import Settings

pytestmark = pytest.mark.integration


class Nothing(msgspec.Struct, frozen=True):
    """An onlooker keeps nothing."""


class Onlooker(NoRequests, NoReactions, NoTimers):
    """Reads the log of dossiers and folds none of it."""

    name = "onlooker"
    topic = DOSSIER_EVENTS
    collection = "dossiers"
    subject_pattern = ".*"
    facts: frozenset[str] = frozenset()
    state_type = Nothing

    def initial(self, subject: str) -> Nothing:
        return Nothing()

    def evolve(self, world: World, state: Nothing, fact: Event) -> Nothing:
        return state


def onlooker(work: Callable[[], Awaitable[None]]) -> Service[Settings]:
    """A service that does this beside its engine, once it runs."""

    @asynccontextmanager
    async def beside(running: Running[Settings]) -> AsyncIterator[None]:
        async def once() -> None:
            await work()
            await asyncio.Event().wait()

        async with running.tasks.during(work=once()):
            yield

    def wire(app: FastAPI, running: Running[Settings], requests: Requests) -> Beside:
        return beside(running)

    return Service("onlooker", "It looks on.", Settings, lambda _: [Onlooker()], wire, {})


async def idle() -> None:
    """Does nothing."""


async def breaks(*_: Any, **__: Any) -> None:
    raise ZeroDivisionError("a defect of ours")


async def ends(*_: Any, **__: Any) -> None:
    """Ends by itself, which nothing of the kind should."""


def breaks_at_once(*_: Any) -> int:
    raise ZeroDivisionError("a defect of ours")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> CapturingLogger:
    logger = CapturingLogger()
    monkeypatch.setattr(process, "log", logger)
    return logger


async def ended(
    service: Service[Settings], settings: Settings, said: CapturingLogger
) -> tuple[int, list[str]]:
    """The exit code, what was said loudly, and the reason that was given for the end."""
    code = await asyncio.wait_for(process.serve(service, settings), timeout=60)
    loud = [call.args[0] for call in said.calls if call.method_name == "critical"]
    reasons = [call.kwargs["reason"] for call in said.calls if call.args == ("stopping",)]
    return code, [*loud, *reasons]


DEFECT = (process.EXIT_DEFECT, ["a defect: the service stops", "defect"])


@pytest.mark.parametrize(
    ("owner", "name", "does"),
    [
        (Progress, "look", breaks_at_once),
        (Timers, "run", breaks),
        (Timers, "run", ends),
        (uvicorn.Server, "serve", breaks),
        (uvicorn.Server, "serve", ends),
    ],
)
async def test_a_side_task_that_fails_or_ends_ends_the_service(
    settings: Settings,
    said: CapturingLogger,
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
    does: Any,
) -> None:
    monkeypatch.setattr(owner, name, does)
    assert await ended(onlooker(idle), settings, said) == DEFECT


async def test_so_does_what_a_service_runs_beside_its_engine(
    settings: Settings, said: CapturingLogger
) -> None:
    assert await ended(onlooker(breaks), settings, said) == DEFECT


async def test_a_service_that_is_asked_to_end_says_so(
    settings: Settings, said: CapturingLogger
) -> None:
    async def asks() -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    assert await ended(onlooker(asks), settings, said) == (0, ["asked to"])
