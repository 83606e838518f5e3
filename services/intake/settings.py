"""The settings that only intake has."""

from __future__ import annotations

from services.shared.master_keys import KeySettings


class IntakeSettings(KeySettings):
    """Intake's settings: those for sealing contact data before it leaves the process."""
