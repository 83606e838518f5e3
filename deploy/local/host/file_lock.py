"""A lock between processes, held on a file."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.host.errors import StackLocked


@contextmanager
def exclusive(
    path: Path, *, timeout_s: float = 300.0, on_wait: Callable[[str], None] | None = None
) -> Iterator[int]:
    """Hold the lock on `path`, waiting while another process holds it; yield its descriptor.

    The lock belongs to the open file: a child that inherits the descriptor keeps the lock until it
    has closed it too, even when the parent was killed. Raise `StackLocked` after `timeout_s`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + timeout_s
        told = False
        while not _try(descriptor):
            if time.monotonic() > deadline:
                raise StackLocked(
                    f"Another command has held {path} for more than {timeout_s:.0f} seconds.",
                    f"Find it with `fuser {path}`, wait for it or end it, then try again.",
                )
            if on_wait is not None and not told:
                on_wait("waiting for another command that works on the same stack")
                told = True
            time.sleep(0.05)  # flock cannot wait with a deadline
        yield descriptor
    finally:
        os.close(descriptor)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
