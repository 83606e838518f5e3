"""What intake is told beyond what every service is."""

from __future__ import annotations

from services.shared.master_keys import KeySettings


class IntakeSettings(KeySettings):
    """Intake seals contact data before it leaves the process."""
