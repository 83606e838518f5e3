"""The settings that only sla has."""

from __future__ import annotations

from pydantic import Field

from services.shared.rulebook.settings import RuleSettings


class SlaSettings(RuleSettings):
    """How often sla looks at the files of rules and calendars, and at dossiers."""

    rules_poll: float = Field(default=2.0, gt=0)
    """Seconds between two looks at these files."""
    count_poll: float = Field(default=15.0, gt=0)
    """Seconds between two counts of the open dossiers; more if counting takes long."""
