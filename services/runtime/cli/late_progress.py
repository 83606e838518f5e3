"""A bar that shows how far a command is, from two seconds on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

_QUIET = 2.0
"""Seconds that a command may take without saying how far it is."""


@contextmanager
def late_progress(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """Yield what is told how much of how much is done."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task(what, total=None)
    began = time.monotonic()
    shown = False

    def told(done: int, total: int) -> None:
        nonlocal shown
        if not shown and time.monotonic() - began > _QUIET:
            bar.start()
            shown = True
        if shown:
            bar.update(task, completed=done, total=total)

    try:
        yield told
    finally:
        if shown:
            bar.stop()
