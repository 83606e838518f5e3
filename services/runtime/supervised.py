"""The tasks of a service beside one another: none of them fails, or ends, unseen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog

log = structlog.get_logger("motcua.service")


class EndedByItself(Exception):
    """A task that goes on as long as the service does has ended."""


class Supervised:
    """Starts tasks and watches them. What one of them raises is the service's failure."""

    def __init__(self) -> None:
        """To be made where an event loop runs."""
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done only when something failed: its exception says what."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._may_end: set[asyncio.Task[Any]] = set()

    def start(
        self, work: Coroutine[Any, Any, None], name: str, *, ends: bool = False
    ) -> asyncio.Task[None]:
        """Starts a task; `ends` says that it comes to an end by itself."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        if ends:
            self._may_end.add(task)
        task.add_done_callback(self._ended)
        return task

    def watch(self, task: asyncio.Task[Any]) -> None:
        """Has the failure of a task that somebody else started be the service's; it may end."""
        if task not in self._may_end:
            self._may_end.add(task)
            task.add_done_callback(self._ended)

    def fail(self, error: BaseException) -> None:
        """Says that the service cannot go on. The first failure is its end; others are logged."""
        if self.failed.done():
            log.critical("another defect", exc_info=error)
            return
        self.failed.set_exception(error)
        self.failed.exception()  # whoever runs the service tells of it

    async def stop(self, *tasks: asyncio.Task[None], cancel: bool = True) -> None:
        """Waits for the tasks to end, and cancels them first unless told otherwise.

        What they raise meanwhile fails nothing any more: it is logged.
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
                    task.cancel()  # again, where a library swallowed the first one
            _, pending = await asyncio.wait(pending, timeout=1.0)
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("a task failed while it was ending", task=task.get_name(), exc_info=error)

    async def stop_all(self) -> None:
        """Stops every task that was started and has not ended."""
        await self.stop(*self._tasks)

    @asynccontextmanager
    async def during(self, **work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
        """Runs the work, each under its name, until the block is left."""
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
