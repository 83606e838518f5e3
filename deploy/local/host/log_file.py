"""Files of a part on the disk: its log, and how much room its data takes."""

from __future__ import annotations

import os
from pathlib import Path

LARGEST_LOG = 10 * 2**20


def rotate(log: Path, largest: int = LARGEST_LOG) -> None:
    """Move a log of more than `largest` bytes to `<name>.1`, over the one before it."""
    if log.exists() and log.stat().st_size > largest:
        log.replace(log.with_name(log.name + ".1"))


def disk_usage(folder: Path) -> int:
    """Return the bytes of disk in use by all files under `folder`; 0 if there is none.

    It counts blocks: Kafka's index files are ten times longer than what they hold.
    """
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(parent, name).lstat().st_blocks * 512
            except FileNotFoundError:
                continue  # a running part has deleted it between the two looks
    return total
