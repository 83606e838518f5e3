"""What intake is told beyond what every service is."""

from __future__ import annotations

from services.runtime.sealing import ContactSettings


class IntakeSettings(ContactSettings):
    """Intake seals contact data before it leaves the process."""
