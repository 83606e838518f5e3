"""Start a program in the background and leave. Run as a script, with the standard library alone.

    python -I -S launch.py MARKER LOG PROGRAM ARGUMENT...

The program gets its own session, without a terminal. Its output is appended to LOG, and MARKER is
in its environment, by which `deploy.local.host.process` finds it again. Its process id is printed.
Open descriptors (the lock of the stack) are closed by the program's start and not before, so the
next holder of the lock is sure to find the program. Exit status 1: it could not be started; the
reason is on standard error.
"""

from __future__ import annotations

import errno
import os
import sys

MARKER_VARIABLE = "MOTCUA_STACK_PART"


def _close_on_exec(descriptor: int) -> None:
    # The descriptor that listdir itself used is in its list and closed by now.
    try:
        os.set_inheritable(descriptor, False)
    except OSError as error:
        if error.errno != errno.EBADF:
            raise


def _become(marker: str, log: str, command: list[str], report: int) -> None:
    os.setsid()
    os.set_inheritable(report, False)
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - pathlib would double the start-up
        descriptor = int(name)
        if descriptor > 2:
            _close_on_exec(descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.execve(command[0], command, {**os.environ, MARKER_VARIABLE: marker})


def main(arguments: list[str]) -> int:
    """Start `PROGRAM` as described above and return the exit status."""
    marker, log, *command = arguments
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            _become(marker, log, command, writing)
        except OSError as error:
            os.write(writing, f"{command[0]}: {error.strerror}".encode())
        os._exit(127)
    os.close(writing)
    problem = os.read(reading, 4096)  # empty when the program has taken over and closed the pipe
    if problem:
        os.waitpid(pid, 0)
        sys.stderr.write(problem.decode(errors="replace"))
        return 1
    sys.stdout.write(str(pid))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
