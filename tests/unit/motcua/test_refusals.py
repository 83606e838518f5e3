"""A command that may not begin says why in one line, as a service does."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.support.paths import ROOT


def test_a_command_without_its_secret_names_the_variable_and_shows_no_trace() -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("MOTCUA_")}
    done = subprocess.run(
        [sys.executable, "-m", "motcua", "keys", "status"],
        env={**kept, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("motcua: MOTCUA_MASTER_KEY is not set")
    assert "motcua keys new" in line
