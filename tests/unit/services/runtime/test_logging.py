"""A traceback in the log has the lines of the code, and no value of a variable."""

from __future__ import annotations

import subprocess
import sys

import pytest

_SCRIPT = """
import logging, sys
import structlog
from services.runtime.logging import configure

configure("tests", as_json=sys.argv[1] == "json")

def carry():
    address, secret = "an@" + "example.test", "whsec_" + "SECRET"
    raise RuntimeError("a defect")

try:
    carry()
except RuntimeError as error:
    structlog.get_logger().critical("stopped", exc_info=error)
    logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=error)
"""


@pytest.mark.parametrize("reader", ["json", "eyes"])
def test_a_traceback_shows_no_local_variable(reader: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, reader], capture_output=True, text=True, check=True
    )
    assert done.stderr.count("RuntimeError: a defect") == 2
    assert "in carry" in done.stderr
    assert "an@example.test" not in done.stderr
    assert "whsec_SECRET" not in done.stderr
