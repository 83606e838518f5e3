"""Starts services within milliseconds: forks a process that has imported one already.

A new interpreter spends more than a second on imports, and the tests start some two hundred
instances. Each is a process of its own here too, with its own environment, log and exit code, and
dies as suddenly when it is killed; `tests/integration/test_processes.py` starts them as production
does.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from deploy.local.stack.city import module_of

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_ROOT = Path(__file__).parents[2]


class Forked:
    """An instance of a service, as `subprocess.Popen` shows one."""

    def __init__(self, server: _Server, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._server = server

    def poll(self) -> int | None:
        """The exit code; None while it runs. Negative: the signal that ended it."""
        if self.returncode is None:
            self._server.listen(0.0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the exit code. Raises subprocess.TimeoutExpired after `timeout` seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                raise subprocess.TimeoutExpired(f"pid {self.pid}", timeout or 0.0)
            self._server.listen(left)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Sends a signal, unless the process has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Asks it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it as the kernel would."""
        self.send_signal(signal.SIGKILL)


class _Server:
    """The process that forks instances of one service, seen from the tests."""

    def __init__(self, service: str) -> None:
        self._socket, its = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "tests.support.fork_server", service, str(its.fileno())],
            cwd=_ROOT,
            pass_fds=[its.fileno()],
            stdin=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,
        )
        its.close()
        self._lines = b""
        self._started: list[int] = []
        self._running: dict[int, Forked] = {}

    def start(self, environment: Mapping[str, str], log: Path) -> Forked:
        """Starts an instance that logs into a file."""
        log.touch()  # so that it can be read from the start
        asked = {"environment": dict(environment), "log": str(log)}
        self._socket.sendall(json.dumps(asked).encode() + b"\n")
        while not self._started:
            self.listen(None)
        pid = self._started.pop()
        self._running[pid] = forked = Forked(self, pid)
        return forked

    def listen(self, timeout: float | None) -> None:
        """Takes what the server has to say, waiting for it so many seconds; None: until it does."""
        if not select.select([self._socket], [], [], timeout)[0]:
            return
        if not (data := self._socket.recv(65536)):
            raise RuntimeError(f"the fork server ended with {self._process.wait()}")
        *lines, self._lines = (self._lines + data).split(b"\n")
        for line in lines:
            told: dict[str, int] = json.loads(line)
            if "code" in told:
                self._running.pop(told["pid"]).returncode = told["code"]
            else:
                self._started.append(told["pid"])


_servers: dict[str, _Server] = {}


def fork(service: str, environment: Mapping[str, str], log: Path) -> Forked:
    """Starts an instance of a service: what `City` may be given as its `launch`."""
    if service not in _servers:
        _servers[service] = _Server(service)
    return _servers[service].start(environment, log)


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _serve(service: str, asked: socket.socket) -> None:
    """Forks as often as it is asked to, until nobody is there to ask."""
    module = import_module(f"{module_of(service)}.__main__")
    import_module("uvloop")
    gc.collect()
    gc.freeze()
    awake, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes)
    watched: list[Any] = [asked, awake]
    buffered = b""
    while True:
        ready, _, _ = select.select(watched, [], [])
        if awake in ready:
            os.read(awake, 4096)
            _tell_of_ended(asked)
        if asked in ready:
            if not (data := asked.recv(1 << 20)):
                return
            *lines, buffered = (buffered + data).split(b"\n")
            for line in lines:
                wanted = json.loads(line)
                if (pid := os.fork()) == 0:
                    signal.set_wakeup_fd(-1)
                    for mine in (awake, wakes):
                        os.close(mine)
                    asked.close()
                    _become(module, wanted["environment"], wanted["log"])
                asked.sendall(json.dumps({"pid": pid}).encode() + b"\n")


def _tell_of_ended(asked: socket.socket) -> None:
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            told = {"pid": ended[0], "code": os.waitstatus_to_exitcode(ended[1])}
            asked.sendall(json.dumps(told).encode() + b"\n")


def _become(module: Any, environment: dict[str, str], log: str) -> NoReturn:
    """Makes the forked process an instance of the service."""
    code = 1
    try:
        _die_with_parent()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.environ.clear()
        os.environ.update(environment)
        out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.dup2(out, 1)
        os.dup2(out, 2)
        code = module.run(module.SERVICE)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001  (as an interpreter shows it at its end)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve(sys.argv[1], socket.socket(fileno=int(sys.argv[2])))
