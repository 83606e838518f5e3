"""A service that may not start says why in one line, before it asks for anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from services.runtime.process import EXIT_REFUSED
from tests.support.paths import ROOT

GOOD = "1:0123456789abcdef0123456789abcdef"


def ended(service: str, **told: str) -> tuple[int, str]:
    """Starts a service that is told only this; returns its exit code and why it did not start."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("MOTCUA_")}
    asked = {f"MOTCUA_{name.upper()}": value for name, value in told.items()}
    done = subprocess.run(
        [sys.executable, "-m", f"services.{service}"],
        env={**kept, "PYTHONPATH": str(ROOT), **asked},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    (line,) = done.stderr.splitlines()
    said = json.loads(line)
    assert (said["level"], said["service"]) == ("critical", service)
    reason: str = said["reason"]
    return done.returncode, reason


@pytest.mark.parametrize(
    ("service", "told", "says"),
    [
        ("intake", {"lookup_secrets": GOOD}, "MOTCUA_MASTER_KEY is not set"),
        ("intake", {"master_key": "A" * 42 + "E="}, "MOTCUA_LOOKUP_SECRETS is not set"),
        (
            "intake",
            {"master_key": "A" * 42 + "E=", "lookup_secrets": GOOD},
            "MOTCUA_REFERENCE_SECRETS is not set",
        ),
        ("notify", {}, "MOTCUA_LOOKUP_SECRETS is not set"),
        ("notify", {"lookup_secrets": GOOD, "channels": "email"}, "MOTCUA_MASTER_KEY is not set"),
        ("routing", {"partitions": "0"}, "MOTCUA_PARTITIONS: "),
    ],
)
def test_a_service_that_lacks_a_secret_or_is_told_nonsense_names_the_variable(
    service: str, told: dict[str, str], says: str
) -> None:
    code, reason = ended(service, **told)
    assert code == EXIT_REFUSED
    assert reason.startswith(says)
