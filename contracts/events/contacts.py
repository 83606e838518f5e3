"""How people can be reached: the only events that carry contact data, and only sealed.

Their subject says whose data it is and in which namespace (`services.shared.person`):
``citizen:`` and a citizen's reference, ``staff:`` and a staff number, ``dossier:`` and a dossier's
code. Older records have a bare reference.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from contracts.events.refusals import Refusal
from contracts.model import EventData, Kind
from contracts.personal import Personal
from contracts.values import CitizenRef, FreeText, Instant, Label, Locale

_TOPIC = "citizen.contacts"
Sealing = Annotated[str, Personal.CONTACT]
CodeHash = Annotated[Label, Field(pattern=r"^[0-9a-f]{64}$")]
"""HMAC-SHA256 of a one-time code, under a secret that is on no log."""


class AddressKind(StrEnum):
    """What kind of address a person is reached at; one of each can be proven."""

    EMAIL = "email"
    PHONE = "phone"
    ZALO = "zalo"
    WEBHOOK = "webhook"


class ContactRegistered(EventData, kind=Kind.FACT, owner="intake", topic=_TOPIC):
    """Contact data that was left, sealed. Nobody has proven that it is theirs: it is used only
    where nothing is proven.

    With a dossier, it is good for that dossier alone; a staff member's comes from the city's
    directory. Under a bare reference it is older than namespaces.
    """

    key_id: Sealing
    """The id of the person's key that opens it; the key itself is kept elsewhere."""
    sealed: Sealing
    """AES-256-GCM over the JSON of the contact: base64 of nonce and ciphertext."""
    locale: Locale = Locale.VI
    citizen: CitizenRef | None = None
    """Whose key opens it, if it was left with a dossier."""


class ContactErased(EventData, kind=Kind.FACT, owner="intake", topic=_TOPIC):
    """The person's key was deleted: nothing that was sealed under it can be read any more."""

    reason: FreeText


class _Address(EventData):
    address: AddressKind
    key_id: Sealing
    """The id of the person's key that opens it."""
    sealed: Sealing
    """AES-256-GCM over the JSON of a contact with this address alone."""


class _Change(_Address):
    locale: Locale = Locale.VI
    seed: Label = Field(pattern=r"^[0-9a-f]{32}$")
    """Random. The one-time code, which is on no log, is made of it and of a secret."""
    code_hash: CodeHash


class ContactChangeRequested(_Change, kind=Kind.REQUEST, owner="intake", topic=_TOPIC):
    """Somebody wants to be told things at an address, and is to prove that it is theirs."""


class ContactChangeAsked(_Change, kind=Kind.FACT, owner="intake", topic=_TOPIC):
    """A one-time code goes to the new address, and the proven ones are told. Nothing has changed
    yet. It takes the place of a change that was asked for before and not proven."""

    change: Label
    """The request's id; the code is entered for it."""
    expires_at: Instant
    tells_proven: bool
    """Whether the proven addresses are told: not again for a second code within a day."""


class ContactChangeRefused(Refusal, kind=Kind.FACT, owner="intake", topic=_TOPIC):
    """Answers ContactChangeRequested."""


class ContactProofRequested(EventData, kind=Kind.REQUEST, owner="intake", topic=_TOPIC):
    """Somebody enters a one-time code."""

    change: Label
    code_hash: CodeHash
    """Of the code that was entered."""


class ContactProven(_Address, kind=Kind.FACT, owner="intake", topic=_TOPIC):
    """Whoever asked has entered the code that was sent there: the address is theirs, and takes the
    place of their proven one of this kind."""

    change: Label


class ContactProofRefused(Refusal, kind=Kind.FACT, owner="intake", topic=_TOPIC):
    """Answers ContactProofRequested."""

    change: Label
    """A wrong code counts against it."""
