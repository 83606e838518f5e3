"""Processes of the stack: told apart by marker and start time, ended for certain."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.host.errors import PartDied
from deploy.local.host.file_lock import exclusive
from deploy.local.host.process import Process, find, identify, marker, start, stop, wait_for_exit

STUBBORN = "import signal, sys; signal.signal(15, signal.SIG_IGN); print('up'); signal.pause()"


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def _start(folder: Path, *command: str) -> Process:
    with exclusive(folder / "lock") as lock:
        return start(
            marker("part", folder),
            command,
            folder / "log",
            folder=folder,
            env=os.environ,
            lock=lock,
        )


def test_a_started_process_is_found_and_ended(tmp_path: Path) -> None:
    process = _start(tmp_path, "/bin/sleep", "60")
    assert find(marker("part", tmp_path)) == [process]
    assert find(marker("part", tmp_path / "other")) == []
    stop([process], 5)
    assert find(marker("part", tmp_path)) == []


def test_a_process_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    process = _start(tmp_path, sys.executable, "-u", "-c", STUBBORN)
    wait_for_exit([process], 0.5)
    stop([process], 0.1)
    assert not process.is_alive()


def test_a_program_that_cannot_run_is_an_error_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(PartDied, match="No such file"):
        _start(tmp_path, "/no/such/program")


def test_a_started_process_does_not_hold_the_lock(tmp_path: Path) -> None:
    process = _start(tmp_path, "/bin/sleep", "60")
    with exclusive(tmp_path / "lock", timeout_s=1):
        stop([process], 5)


def test_a_pid_that_was_given_to_another_process_is_not_signalled(
    sleeper: subprocess.Popen[bytes],
) -> None:
    now = identify(sleeper.pid)
    assert now is not None
    stale = Process(now.pid, now.started_ticks - 1)
    assert not stale.is_alive()
    stale.send(signal.SIGKILL)
    stop([stale], 1)
    assert wait_for_exit([now], 0.1) == [now]


def test_a_zombie_has_ended(sleeper: subprocess.Popen[bytes]) -> None:
    process = identify(sleeper.pid)
    assert process is not None
    process.send(signal.SIGKILL)
    assert wait_for_exit([process], 5) == []
    assert not process.is_alive()
