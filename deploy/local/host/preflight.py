"""What must hold before anything is installed or started: the platform, and space on the disk."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

from deploy.local.host.errors import NotEnoughDisk, StackError, UnsupportedPlatform


def check_platform(system: str | None = None, machine: str | None = None) -> None:
    """Raise `UnsupportedPlatform` unless this is Linux on x86-64 with pidfds (Linux 5.3)."""
    system = system or platform.system()
    machine = machine or platform.machine()
    if system != "Linux" or machine not in ("x86_64", "AMD64"):
        raise UnsupportedPlatform(
            f"The local stack runs on Linux x86-64 only; this is {system} {machine}.",
            "Use the compose file in deploy/ with the official images instead.",
        )
    if not hasattr(os, "pidfd_open"):
        raise UnsupportedPlatform(
            "This Python or kernel has no pidfd_open.", "Use Linux 5.3 or newer."
        )


def check_disk(folder: Path, needed_mb: int) -> None:
    """Raise `NotEnoughDisk` if the file system of `folder` has less than `needed_mb` MiB free."""
    existing = folder
    while not existing.exists():
        existing = existing.parent
    free_mb = shutil.disk_usage(existing).free // 2**20
    if free_mb < needed_mb:
        raise NotEnoughDisk(
            f"{existing} has {free_mb} MiB free; the local stack wants {needed_mb} MiB.",
            "Free some space (`motcua stack reset` deletes a stack's data) or lower "
            "MOTCUA_STACK_MIN_FREE_MB.",
        )


def cache_folder() -> Path:
    """Return the folder of the jars for all checkouts of this user; create it if need be.

    `MOTCUA_CACHE_DIR`, else `motcua` under `XDG_CACHE_HOME`, else `~/.cache/motcua`.
    """
    if chosen := os.environ.get("MOTCUA_CACHE_DIR"):
        folder = Path(chosen)
    else:
        base = os.environ.get("XDG_CACHE_HOME")
        folder = (Path(base) if base else Path.home() / ".cache") / "motcua"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(
            f"The cache folder {folder} cannot be created: {error.strerror}.",
            "Set MOTCUA_CACHE_DIR to a folder that you may write to.",
        ) from error
    return folder.resolve()
