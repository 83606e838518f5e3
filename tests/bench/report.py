"""What a bench prints: its progress, a line a step, and its tables; 80 columns at most."""

from __future__ import annotations

import time

from rich.console import Console, RenderableType

_WIDTH = 80


class Report:
    """Prints to standard output, whether somebody watches or a file is written."""

    def __init__(self) -> None:
        console = Console(highlight=False)
        self._console = Console(highlight=False, width=min(_WIDTH, console.width))
        self._began = time.monotonic()

    def step(self, doing: str) -> None:
        """Says what begins now, and minutes and seconds since the bench began."""
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        self._console.print(f"[dim]{minutes:02}:{seconds:02}[/dim] {doing}")

    def show(self, *found: RenderableType) -> None:
        """Prints figures: text or a table."""
        for each in found:
            self._console.print(each)
