"""A deterministic event loop: time is told, not waited for, and who runs next is drawn.

Everything that runs belongs to an owner: an instance of a service, or the world outside (None). As
within a process, the callbacks of one owner run in their order. As between processes, whose turn it
is among the owners is drawn. A killed owner never runs again, and one that hangs runs later:
neither notices anything of it.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import events
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any

OWNER: ContextVar[str | None] = ContextVar("owner", default=None)
"""Who runs: inherited by every task and callback."""

_LONGEST = 3 * 3600.0
"""Seconds of the loop's time in which a run must have ended."""


class Standstill(Exception):
    """Nothing can happen any more, and what was to be done is not done."""


class Killed(BaseException):
    """The process is dead: what is left of its task runs no further."""


class Scheduler(asyncio.BaseEventLoop):
    """Runs one callback at a time. Without a draw, the owners take turns in the order of calls."""

    def __init__(self, draw: Random | None) -> None:
        super().__init__()
        self._draw = draw
        self._now = 0.0
        self._waiting: dict[str | None, deque[events.Handle]] = {}
        self._dead: set[str] = set()
        self._hanging: set[str] = set()
        self._tasks: list[asyncio.Task[Any]] = []
        """Held, so that what the dead were about is put away at the end, and not in between."""
        self._owners: set[str] = set()
        self._sweep_at = 10_000
        self.steps = 0
        self.set_task_factory(self._make_task)

    def time(self) -> float:
        """Seconds since the loop was made, as they are told."""
        return self._now

    def begin(self, owner: str, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Start a task of an owner."""
        self._owners.add(owner)
        context = copy_context()
        context.run(OWNER.set, owner)
        return self.create_task(work, name=name, context=context)

    def kill(self, owner: str) -> None:
        """Nothing of the owner runs any more, not even what it has begun."""
        self._dead.add(owner)
        self._hanging.discard(owner)
        self._waiting.pop(owner, None)

    def hang(self, owner: str) -> None:
        """The owner stands still until it is resumed."""
        self._hanging.add(owner)

    def resume(self, owner: str) -> None:
        """The owner goes on where it stood."""
        self._hanging.discard(owner)

    def is_heard_of(self, owner: str) -> bool:
        """Whether the owner is neither dead nor stands still."""
        return owner not in self._dead and owner not in self._hanging

    def bury(self) -> None:
        """Put away what the dead left behind; the loop must have stopped."""
        self._dead |= self._owners
        for task in self._tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                _close(task)
        self._tasks.clear()

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Report what nobody caught, but for the end of those that were killed."""
        if not isinstance(context.get("exception"), Killed):
            super().call_exception_handler(context)

    def _make_task(
        self, loop: asyncio.AbstractEventLoop, coro: Any, context: Context | None = None
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, context=context)
        self._tasks.append(task)
        if len(self._tasks) > self._sweep_at:
            self._tasks = [each for each in self._tasks if not each.done()]
            self._sweep_at = 2 * len(self._tasks) + 10_000
        return task

    # -- what `BaseEventLoop` leaves to its kinds, or does with one queue -------------------

    def _call_soon(self, callback: Any, args: Any, context: Context | None) -> events.Handle:
        handle = events.Handle(callback, args, self, context)
        self._put(handle)
        return handle

    def _add_callback(self, handle: events.Handle) -> None:
        if not handle.cancelled():
            self._put(handle)

    def _put(self, handle: events.Handle) -> None:
        owner = handle._context.get(OWNER)  # type: ignore[attr-defined]
        if owner is not None and owner in self._dead:
            return
        queue = self._waiting.get(owner)
        if queue is None:
            queue = self._waiting[owner] = deque()
        queue.append(handle)

    def _run_once(self) -> None:
        handle = self._next()
        while handle is None and not self._stopping:  # type: ignore[attr-defined]
            self._advance()
            handle = self._next()
        if handle is not None:
            self.steps += 1
            handle._run()

    def _next(self) -> events.Handle | None:
        waiting = self._waiting
        while True:
            if not waiting:
                return None
            if not self._hanging:
                able = list(waiting)
            else:
                able = [owner for owner in waiting if owner not in self._hanging]
                if not able:
                    return None
            if len(able) == 1 or self._draw is None:
                owner = able[0]
            else:
                owner = able[int(self._draw.random() * len(able))]
            queue = waiting[owner]
            handle = queue.popleft()
            if not queue:
                del waiting[owner]
            if not handle.cancelled():
                return handle

    def _advance(self) -> None:
        """Go on to the time of the next timer."""
        scheduled = self._scheduled  # type: ignore[attr-defined]
        while scheduled and scheduled[0].cancelled():
            heapq.heappop(scheduled)._scheduled = False
        if not scheduled:
            raise Standstill("nobody waits for a time, and nobody can go on")
        self._now = max(self._now, scheduled[0].when())
        if self._now > _LONGEST:
            raise Standstill(f"the run lasts longer than {_LONGEST / 3600:.0f} hours")
        while scheduled and scheduled[0].when() <= self._now:
            handle = heapq.heappop(scheduled)
            handle._scheduled = False
            if not handle.cancelled():
                self._put(handle)

    def _timer_handle_cancelled(self, handle: events.TimerHandle) -> None:
        pass  # cancelled ones are dropped when their time comes

    def _write_to_self(self) -> None:
        pass  # there is no other thread


def _close(task: asyncio.Task[Any]) -> None:
    coroutine: Any = task.get_coro()
    # It may wait for something in its last words, or be what runs now.
    with suppress(RuntimeError, ValueError):
        coroutine.close()
