"""The processes of a stack: started in the background, found again, ended, never mixed up.

There are no pid files. A process is ours if its environment has the exact marker of its part and
folder, which the kernel shows in /proc. It is identified by its pid together with its start time.
So nothing can be stale, and a pid that another process got later is never signalled.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.host.errors import PartDied
from deploy.local.host.launch import MARKER_VARIABLE


@dataclass(frozen=True)
class Process:
    """One process, distinct from any other that gets the same pid later."""

    pid: int
    started_ticks: int
    """Start time in clock ticks since the machine was booted."""

    def open(self) -> int | None:
        """Return a pidfd for exactly this process, for the caller to close; None if it has
        ended."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return None
        # Checked after opening: from here on the descriptor cannot mean another process.
        if identify(self.pid) != self:
            os.close(descriptor)
            return None
        return descriptor

    def is_alive(self) -> bool:
        """Return whether it still runs; a zombie has ended."""
        return identify(self.pid) == self

    def send(self, number: signal.Signals) -> None:
        """Signal it; do nothing if it has ended."""
        descriptor = self.open()
        if descriptor is None:
            return
        try:
            signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            return  # it ended between the two calls, which is what a signal is for
        finally:
            os.close(descriptor)

    def uptime_s(self) -> float:
        """Return the seconds since it was started."""
        since_boot = float(Path("/proc/uptime").read_text().split()[0])
        return max(0.0, since_boot - self.started_ticks / os.sysconf("SC_CLK_TCK"))

    def rss_bytes(self) -> int | None:
        """Return its resident memory in bytes; None if it has ended."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        except (FileNotFoundError, ProcessLookupError):
            return None
        return pages * os.sysconf("SC_PAGE_SIZE")


def identify(pid: int) -> Process | None:
    """Return the process that has this pid now; None if there is none or it has ended.

    A zombie has ended, unless other threads of it still run: then it still holds its files.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may hold anything, spaces and parentheses included.
    fields = stat.rpartition(")")[2].split()
    ended = fields[0] == "X" or (fields[0] == "Z" and int(fields[17]) <= 1)
    return None if ended else Process(pid, int(fields[19]))


def marker(part: str, folder: Path) -> str:
    """Return the marker in the environment of this part's process."""
    return f"{part}@{folder}"


def find(wanted: str) -> list[Process]:
    """Return the running processes with this marker, oldest first."""
    needle = f"{MARKER_VARIABLE}={wanted}".encode()
    found = []
    for entry in os.listdir("/proc"):  # noqa: PTH208 - names, not paths
        if not entry.isdigit():
            continue
        try:
            environment = Path(f"/proc/{entry}/environ").read_bytes()
        except (PermissionError, FileNotFoundError, ProcessLookupError):
            continue  # another user's process, or one that has just ended: not ours
        if needle in environment.split(b"\0") and (process := identify(int(entry))):
            found.append(process)
    return sorted(found, key=lambda process: process.started_ticks)


def start(
    wanted: str,
    command: Sequence[str],
    log: Path,
    *,
    folder: Path,
    env: Mapping[str, str],
    lock: int,
) -> Process:
    """Start `command` in the background with this marker; its output is appended to `log`.

    It outlives this process. `lock` is a held lock's descriptor, which the start keeps held until
    the program runs. Raise `PartDied` if it cannot be started.
    """
    launcher = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launch.py"))]
    done = subprocess.run(
        [*launcher, wanted, str(log), *command],
        capture_output=True,
        text=True,
        cwd=folder,
        env=dict(env),
        pass_fds=(lock,),
        start_new_session=True,
        check=False,
    )
    if done.returncode:
        raise PartDied(
            f"{wanted.partition('@')[0]} could not be started: {done.stderr.strip()}",
            "Check that the program exists and may be run.",
        )
    pid = int(done.stdout)
    # A process that has already ended is returned too: waiting for it tells the reason.
    return identify(pid) or Process(pid, -1)


def wait_for_exit(processes: Iterable[Process], timeout_s: float) -> list[Process]:
    """Wait until all have ended, at most `timeout_s`; return those that still run."""
    descriptors = {fd: process for process in processes if (fd := process.open()) is not None}
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    deadline = time.monotonic() + timeout_s
    try:
        while descriptors and (left := deadline - time.monotonic()) > 0:
            for descriptor, _ in poll.poll(left * 1000):
                poll.unregister(descriptor)
                os.close(descriptor)
                del descriptors[descriptor]
        return list(descriptors.values())
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def stop(processes: Iterable[Process], timeout_s: float) -> None:
    """End all of them: ask first, kill after `timeout_s`. Return when none is left."""
    asked = list(processes)
    for process in asked:
        process.send(signal.SIGTERM)
    kill(wait_for_exit(asked, timeout_s))


def kill(processes: Iterable[Process]) -> None:
    """Kill all of them at once. Return when none is left; raise `PartDied` after 30 seconds."""
    doomed = list(processes)
    for process in doomed:
        process.send(signal.SIGKILL)
    if left := wait_for_exit(doomed, 30.0):
        raise PartDied(
            f"Process {left[0].pid} does not end even on SIGKILL.",
            "It waits for a device; look at `dmesg`.",
        )


def python_environment() -> dict[str, str]:
    """Return the environment for a Python module of this package, wherever it was imported from."""
    root = str(Path(__file__).resolve().parents[3])
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
