"""The settings of every service that decides by rules about time."""

from __future__ import annotations

from pathlib import Path

from services.runtime import Settings
from services.shared import working_time
from services.shared.rulebook import book as rule_book


class RuleSettings(Settings):
    """The folders of calendars and rules."""

    calendars: Path = working_time.DATA
    """The folder of ``office_hours.toml`` and ``overrides.toml``."""
    rules: Path = rule_book.DATA
    """The folder of ``rules.toml``."""
