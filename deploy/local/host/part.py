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
    """The names of its ports; the first is the one that clients use."""
    folder: Path
    data: Path
    """What survives a restart."""

    def install(self, progress: Progress, /) -> None:
        """Bring the program, if it is not there yet; may need the network."""

    def prepare(self, ports: Ports, progress: Progress, lock: int, /) -> None:
        """Make files ready for a start on these ports, whatever a killed start left behind.

        Called while the part does not run and the stack's lock is held, by descriptor `lock`.
        A helper program must inherit it: should this process be killed, then nobody else works
        on these files until the helper has ended too.
        """

    def command(self, ports: Ports, /) -> list[str]:
        """The program, by absolute path, with its arguments."""

    def environment(self) -> dict[str, str]:
        """Variables it needs beside those of the caller."""

    def is_ready(self, ports: Ports, /) -> bool:
        """Whether clients can use it now; answers within about a second, and may complete the
        part's own set-up on the way."""
