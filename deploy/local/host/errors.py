"""What can go wrong with the local stack; every error says what failed and what to do about it."""

from __future__ import annotations

from pathlib import Path


class StackError(Exception):
    """The local stack cannot do what was asked.

    `str(error)` is complete for a reader: the problem, and on a second line the remedy.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}\n{remedy}")
        self.problem = problem
        self.remedy = remedy


class UnsupportedPlatform(StackError):
    """This is not Linux on x86-64, for which the packaged mongod and Java are made."""


class NotEnoughDisk(StackError):
    """Too little free space where the stack keeps its data or its cache."""


class InstallFailed(StackError):
    """A jar, the Java runtime or mongod is missing and could not be installed."""


class WrongChecksum(InstallFailed):
    """A downloaded jar is not the file that the lock file pins."""


class PortBusy(StackError):
    """A port that must not move is held by a process outside this stack."""


class StackLocked(StackError):
    """Another command works on the same stack and did not finish in time."""


class DataUnusable(StackError):
    """The data folder of a part holds something that it cannot continue from."""


class PartDied(StackError):
    """A part ended while it was being started."""


class PartNotReady(StackError):
    """A part runs but did not answer within the deadline."""


def log_tail(path: Path, lines: int = 20) -> str:
    """Return the last `lines` lines of a log file, or a remark that there is none."""
    if not path.exists():
        return "(no log was written)"
    with path.open("rb") as log:
        size = log.seek(0, 2)
        begin = max(0, size - 1024 * lines)
        log.seek(begin)
        found = log.read().decode("utf-8", "replace").splitlines()
    if begin and len(found) > 1:
        del found[0]  # cut off somewhere in its middle
    return "\n".join(found[-lines:]) or "(the log is empty)"
