"""What the stack asks of each of its parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

Progress = Callable[[str], None]
"""Told in a few words what is being done, whenever that changes."""

Ports = Mapping[str, int]
"""Ports by listener name."""


class Part(Protocol):
    """One process of the stack. Its files are all under `folder`."""

    name: str
    listeners: tuple[str, ...]
    """The names of its ports; clients use the first."""
    folder: Path
    data: Path
    """What survives a restart."""

    def install(self, progress: Progress, /) -> None:
        """Install the program if it is missing; may need the network."""

    def prepare(self, ports: Ports, progress: Progress, lock: int, /) -> None:
        """Make files ready for a start on these ports, whatever a killed start left behind.

        Called while the part does not run and the stack's lock is held, by descriptor `lock`. A
        helper program must inherit it: if this process is killed, nobody else works on these files
        until the helper has ended too.
        """

    def command(self, ports: Ports, /) -> list[str]:
        """Return the program, by absolute path, with its arguments."""

    def environment(self) -> dict[str, str]:
        """Return the variables it needs besides those of the caller."""

    def is_ready(self, ports: Ports, /) -> bool:
        """Return whether clients can use it now, within about a second; this may complete the
        part's own set-up."""
