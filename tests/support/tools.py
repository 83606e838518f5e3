"""The programs that tests need beside the locked packages, and how to get each of them."""

from __future__ import annotations

import shutil
from enum import Enum

import pytest


class Tool(Enum):
    """A program: the Debian package that brings it, and the names that it goes by."""

    PROMTOOL = "prometheus", "promtool"
    KCAT = "kcat", "kcat"
    CHROMIUM = "chromium", "chromium", "chromium-browser", "google-chrome"
    NPM = "npm", "npm"

    def __init__(self, package: str, *names: str) -> None:
        self.package = package
        self.names = names

    @property
    def path(self) -> str | None:
        """Where the program is; None if it is not installed."""
        return next((found for name in self.names if (found := shutil.which(name))), None)

    @property
    def remedy(self) -> str:
        """How to get the program, in one line."""
        return f"{self.names[0]} is needed: apt-get install {self.package}"

    def needed(self) -> str:
        """Returns the program's path. Skips the running test if it is not installed."""
        return self.path or pytest.skip(self.remedy)
