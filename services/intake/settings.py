"""The settings that only intake has."""

from __future__ import annotations

from services.shared.lookup_secrets import LookupSettings
from services.shared.master_keys import KeySettings


class IntakeSettings(KeySettings, LookupSettings):
    """Those for sealing contact data before it leaves the process, and for printing receipts."""
