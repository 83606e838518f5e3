"""End parts when the process that wanted them has ended, however it ended.

    python -m deploy.local.host.watchdog FOLDER LOCK PID STARTED PART...

It waits for process PID (started at STARTED clock ticks since boot), then takes the lock and kills
the parts. The kernel's parent-death signal will not do: it fires when the *thread* that started the
part ends.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.local.host.file_lock import exclusive
from deploy.local.host.process import (
    Process,
    find,
    identify,
    kill,
    marker,
    python_environment,
    start,
)


def guard(folder: Path, lock_path: Path, parts: Sequence[str], lock: int) -> None:
    """Start a watchdog that kills these parts of `folder` when this process ends.

    Call it before starting them, with the lock at `lock_path` held (descriptor `lock`).
    """
    me = identify(os.getpid())
    assert me is not None
    arguments = [str(folder), str(lock_path), str(me.pid), str(me.started_ticks), *parts]
    start(
        marker("watchdog", folder),
        [sys.executable, "-m", "deploy.local.host.watchdog", *arguments],
        folder / "watchdog.log",
        folder=folder,
        env=python_environment(),
        lock=lock,
    )


def main(arguments: Sequence[str]) -> int:
    """Wait, then kill; see above."""
    folder, lock, pid, started, *parts = arguments
    descriptor = Process(int(pid), int(started)).open()
    if descriptor is not None:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.poll()
        os.close(descriptor)
    # With the lock, no part can be half-way into its start, where it could not be found.
    with exclusive(Path(lock)):
        kill([process for part in parts for process in find(marker(part, Path(folder)))])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
