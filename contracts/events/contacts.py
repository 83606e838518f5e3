"""How people can be reached: the only events that carry contact data, and only sealed."""

from __future__ import annotations

from typing import Annotated

from contracts.model import EventData, Kind
from contracts.personal import Personal
from contracts.values import FreeText, Locale

_TOPIC = "citizen.contacts"
Sealing = Annotated[str, Personal.CONTACT]


class ContactRegistered(EventData, kind=Kind.FACT, owner="intake", topic=_TOPIC):
    """A person's contact data, sealed. The event's subject is the citizen's reference, or an
    officer's staff number."""

    key_id: Sealing
    """The id of the person's key that opens it; the key itself is kept elsewhere."""
    sealed: Sealing
    """AES-256-GCM over the JSON of the contact: base64 of nonce and ciphertext."""
    locale: Locale = Locale.VI


class ContactErased(EventData, kind=Kind.FACT, owner="intake", topic=_TOPIC):
    """The person's key was deleted: nothing that was sealed under it can be read any more."""

    reason: FreeText
