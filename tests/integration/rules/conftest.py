"""A folder of calendars that a test changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.rules import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "calendars")
