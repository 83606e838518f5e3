"""The settings that only sla has."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from services.runtime import Settings
from services.shared import working_time
from services.shared.rulebook import book as rule_book


class SlaSettings(Settings):
    """The folders of rules and calendars, and how often sla looks at files and dossiers."""

    calendars: Path = working_time.DATA
    """The folder of ``office_hours.toml`` and ``overrides.toml``."""
    rules: Path = rule_book.DATA
    """The folder of ``rules.toml``."""
    rules_poll: float = Field(default=2.0, gt=0)
    """Seconds between two looks at these files."""
    count_poll: float = Field(default=15.0, gt=0)
    """Seconds between two counts of the open dossiers; more if counting takes long."""
