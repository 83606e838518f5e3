"""The tasks that run together in a service: none of them fails or ends unseen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from contextvars import Context
from typing import Any

import structlog

log = structlog.get_logger("motcua.service")


class EndedByItself(Exception):
    """A task that should run as long as the service has ended."""


class Supervised:
    """Starts tasks and watches them. What one of them raises is the service's failure."""

    def __init__(self) -> None:
        """Must be called where an event loop runs."""
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done only when something failed: its exception says what."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._may_end: set[asyncio.Task[Any]] = set()

    def start(
        self, work: Coroutine[Any, Any, None], name: str, *, ends: bool = False
    ) -> asyncio.Task[None]:
        """Start a task; `ends` says that it ends by itself."""
        # Whoever starts it may be a request: what is set for that does not count for the task.
        task = asyncio.create_task(work, name=name, context=Context())
        self._tasks.add(task)
        if ends:
            self._may_end.add(task)
        task.add_done_callback(self._ended)
        return task

    def watch(self, task: asyncio.Task[Any]) -> None:
        """Make the failure of another's task the service's failure; the task may end."""
        if task not in self._may_end:
            self._may_end.add(task)
            task.add_done_callback(self._ended)

    def fail(self, error: BaseException) -> None:
        """Say that the service cannot go on. The first failure ends it; later ones are logged."""
        if self.failed.done():
            log.critical("another defect", exc_info=error)
            return
        self.failed.set_exception(error)
        self.failed.exception()  # marks it as seen: the service's main loop logs it

    async def stop(self, *tasks: asyncio.Task[None], cancel: bool = True) -> None:
        """Cancel the tasks, unless told otherwise, and wait for them to end.

        What they raise meanwhile no longer fails the service: it is logged.
        """
        if not tasks:
            return
        for task in tasks:
            task.remove_done_callback(self._ended)
            self._tasks.discard(task)
            self._may_end.discard(task)
        pending = set(tasks)
        while pending:
            if cancel:
                for task in pending:
                    task.cancel()  # again, in case a library swallowed the first one
            _, pending = await asyncio.wait(pending, timeout=1.0)
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("a task failed while it was ending", task=task.get_name(), exc_info=error)

    async def stop_all(self) -> None:
        """Stop every task that was started and has not ended."""
        await self.stop(*self._tasks)

    @asynccontextmanager
    async def during(self, **work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
        """Run the coroutines, each under its name, until the block is left."""
        tasks = [self.start(each, name) for name, each in work.items()]
        try:
            yield
        finally:
            await self.stop(*tasks)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        may_end = task in self._may_end
        self._may_end.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)
        elif not may_end:
            self.fail(EndedByItself(task.get_name()))
