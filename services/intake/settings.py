"""The settings that only intake has."""

from __future__ import annotations

from services.shared.master_keys import KeySettings
from services.shared.rulebook.settings import RuleSettings


class IntakeSettings(KeySettings, RuleSettings):
    """Intake's settings: those for sealing contact data before it leaves the process, and those of
    the rules that say how far back a request may be dated."""
