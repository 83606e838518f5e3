"""The settings that only intake has."""

from __future__ import annotations

from services.shared.lookup_secrets import LookupSettings
from services.shared.master_keys import KeySettings
from services.shared.references import ReferenceSettings


class IntakeSettings(KeySettings, LookupSettings, ReferenceSettings):
    """Those for sealing contact data before it leaves the process, for printing receipts, and for
    hashing identity numbers."""
