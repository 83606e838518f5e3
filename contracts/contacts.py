"""How a citizen can be reached: the one place where contact data travels, and only sealed."""

from __future__ import annotations

from contracts.model import EventData, Kind
from contracts.values import Locale


class ContactRegistered(EventData, kind=Kind.FACT, owner="intake", topic="citizen.contacts"):
    """A citizen's contact data, sealed. The event's subject is the citizen's reference."""

    key_id: str
    """Which key sealed it."""
    sealed: str
    """AES-256-GCM over the JSON of the contact: base64 of nonce and ciphertext."""
    locale: Locale = Locale.VI
