"""Which Python the Makefile takes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.paths import ROOT

WORKS, SHIM = "exit 0", "echo 'command not found' >&2; exit 127"


def taken(folder: Path, pythons: dict[str, str], *named: str) -> str:
    """What it takes where these are the only Pythons there are, each a script of the shell's."""
    for name, script in pythons.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    make = shutil.which("make")
    assert make is not None
    said = subprocess.run(
        [
            *(make, "--no-print-directory", "-f", str(ROOT / "Makefile"), *named),
            *("--eval", "taken: ; @echo $(PYTHON)", "taken"),
        ],
        env={**os.environ, "PATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return said.stdout.strip()


@pytest.mark.parametrize(
    ("pythons", "name"),
    [
        ({"python3.11": WORKS, "python3.13": WORKS}, "python3.13"),
        ({"python3.11": WORKS, "python3.13": SHIM, "python3.14": SHIM}, "python3.11"),
        ({"python3.10": WORKS, "python3.15": WORKS, "python3": WORKS}, ""),
    ],
)
def test_it_is_the_newest_that_runs(pythons: dict[str, str], name: str, tmp_path: Path) -> None:
    assert taken(tmp_path, pythons) == name


def test_it_is_the_one_that_is_named(tmp_path: Path) -> None:
    assert taken(tmp_path, {"python3.13": WORKS}, "PYTHON=/opt/python3.12") == "/opt/python3.12"
