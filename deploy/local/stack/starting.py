"""Start one part of a stack and wait until it serves."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from deploy.local.host import ports as port_book
from deploy.local.host.errors import PartDied, PartNotReady, log_tail
from deploy.local.host.log_file import rotate
from deploy.local.host.part import Part, Ports, Progress
from deploy.local.host.process import Process, find, marker, start, wait_for_exit

CHECK_EVERY_S = 0.05


def log_path(part: Part) -> Path:
    """Return the file that a part's output goes to."""
    return part.folder / f"{part.name}.log"


def processes(part: Part) -> list[Process]:
    """Return the processes of a part; more than one only if its folder was deleted under it."""
    return find(_marker(part))


def launch(part: Part, ports: Ports, tell: Progress, lock: int) -> None:
    """Start a part that does not run. The stack's lock must be held, by descriptor `lock`.

    Raise `PartDied` if its program cannot be started, and what `part.prepare` raises.
    """
    part.folder.mkdir(parents=True, exist_ok=True)
    part.prepare(ports, tell, lock)
    rotate(log_path(part))
    start(
        _marker(part),
        part.command(ports),
        log_path(part),
        folder=part.folder,
        env={**os.environ, **part.environment()},
        lock=lock,
    )


def await_ready(
    part: Part, ports: Ports, tell: Progress, timeout_s: float, fixed: Mapping[str, int]
) -> None:
    """Return when the part serves.

    Raise `PortBusy` if it ended because another process has one of its ports (`fixed` ones are
    named as such), `PartDied` if it ended otherwise, `PartNotReady` after `timeout_s`.
    """
    tell(f"{part.name}: waiting until it serves")
    deadline = time.monotonic() + timeout_s
    log = log_path(part)
    while True:
        running = processes(part)
        if not running:
            _check_ports(part, ports, fixed)
            raise PartDied(
                f"{part.name} ended while it was starting. The end of {log}:\n{log_tail(log)}",
                f"Correct the cause and run `motcua stack up` again; the whole log is {log}.",
            )
        if part.is_ready(ports):
            return
        if time.monotonic() > deadline:
            raise PartNotReady(
                f"{part.name} does not answer after {timeout_s:.0f} seconds. "
                f"The end of {log}:\n{log_tail(log)}",
                "Run `motcua stack down` and `up` again, or allow it more time with "
                "MOTCUA_STACK_START_TIMEOUT_S.",
            )
        wait_for_exit(running, CHECK_EVERY_S)


def _check_ports(part: Part, ports: Ports, fixed: Mapping[str, int]) -> None:
    for listener in part.listeners:
        if not port_book.is_free(ports[listener]):
            raise port_book.busy(listener, ports[listener], fixed=listener in fixed)


def _marker(part: Part) -> str:
    return marker(part.name, part.folder.parent)
