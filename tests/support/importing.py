"""The command ``motcua import`` on a running city, and the city's rest after it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from contracts.wire.topics import SERVICES
from deploy.local.stack.city import City
from tests.support.eventually import eventually
from tests.support.office import Office
from tests.support.paths import ROOT


def begin_import(city: City, file: Path | str, mapping: Path, *more: str) -> subprocess.Popen[str]:
    """Start the command; its output is one text."""
    line = ["import", str(file), "--mapping", str(mapping), "--brief", *more]
    return subprocess.Popen(
        [sys.executable, "-m", "motcua", *line],
        env={**city.environment(), "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def rest(office: Office, timeout: float = 40.0) -> None:
    """Wait until every service has read all that was sent."""

    def idle() -> bool:
        return all(
            office.get(s, "/health/ready").json()["status"] == "idle"
            and office.metric(s, "motcua_lag_records") == 0
            for s in SERVICES
        )

    eventually(idle, timeout=timeout, what="rest")
