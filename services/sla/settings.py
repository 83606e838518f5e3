"""The settings that only sla has."""

from __future__ import annotations

from pydantic import Field

from services.runtime import Settings


class SlaSettings(Settings):
    """How often sla looks at its dossiers."""

    count_poll: float = Field(default=15.0, gt=0)
    """Seconds between two counts of the open dossiers; more if counting takes long."""
