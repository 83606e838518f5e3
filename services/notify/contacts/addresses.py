"""Where a recipient is reached on a channel."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import msgspec

from contracts.events.notify import MessageChannel, NotSentReason
from services.notify.contacts.contact import SealedContact
from services.runtime import Engine, Offsets, group_of, state_of
from services.shared.citizen_keys import CitizenKeys, Erased, Sealed

FRESH_SECONDS = 1.0
"""How long an address is used before it is looked up again."""

_FIELDS = {
    MessageChannel.EMAIL: ("email",),
    MessageChannel.SMS: ("phone",),
    # Without an account of their own, a person is reached under their telephone number.
    MessageChannel.ZALO: ("zalo", "phone"),
    MessageChannel.WEBHOOK: ("webhook",),
}


@dataclass(frozen=True, slots=True)
class Address:
    """An address, and the secret that signs a message to it, if any."""

    to: str
    secret: str | None = None
    found_at: float = field(default_factory=time.monotonic, compare=False)

    @property
    def fresh(self) -> bool:
        """Whether it was just looked up. An erased person must soon get no more messages."""
        return time.monotonic() - self.found_at < FRESH_SECONDS


def address_of(contact: dict[str, Any], channel: MessageChannel) -> Address | None:
    """Return the address for the channel in an opened contact; None if they left none."""
    for name in _FIELDS.get(channel, ()):
        if found := contact.get(name):
            return Address(str(found), contact.get(f"{name}_secret"))
    return None


class Addresses:
    """Opens the sealed contacts of citizens and officers."""

    def __init__(
        self, contacts: Engine[SealedContact], keys: CitizenKeys, offsets: Offsets
    ) -> None:
        self._contacts = contacts
        self._keys = keys
        self._offsets = offsets

    async def known(
        self, recipients: Collection[tuple[str, MessageChannel]]
    ) -> dict[tuple[str, MessageChannel], Address]:
        """Return the addresses of those who have one; `find` says why the others have none.

        It takes a few round trips for all: one by one, they would be most of a message's cost.
        """
        documents = await self._contacts.store.get_all({who for who, _ in recipients})
        sealed: dict[str, Sealed] = {}
        for who, document in documents.items():
            contact = state_of(document, SealedContact)
            if contact.sealed is not None and contact.key_id is not None:
                sealed[who] = Sealed(contact.key_id, contact.sealed)
        opened = {
            who: msgspec.json.decode(plain, type=dict[str, Any])
            for who, plain in (await self._keys.open_all(sealed)).items()
        }
        return {
            (who, channel): found
            for who, channel in recipients
            if who in opened and (found := address_of(opened[who], channel)) is not None
        }

    async def find(self, who: str, channel: MessageChannel) -> Address | NotSentReason | None:
        """Return the address, or why there is none; None while a contact may still be on its way.

        Raise Unreadable for a contact that does not open though its key is there: this process
        lacks the master key, and that ends no message.
        """
        found = await self._known(who, channel)
        if isinstance(found, Address):
            return found
        decider = self._contacts.decider
        if await self._offsets.behind(group_of(decider.name, decider.topic), decider.topic):
            return None
        # It may have been folded between the look-up and the question.
        return await self._known(who, channel)

    async def _known(self, who: str, channel: MessageChannel) -> Address | NotSentReason:
        document = await self._contacts.store.get(who)
        contact = state_of(document, SealedContact) if document else SealedContact()
        if contact.sealed is None or contact.key_id is None:
            return NotSentReason.ERASED if contact.erased_at else NotSentReason.NO_CONTACT
        try:
            plain = await self._keys.open(who, contact.key_id, contact.sealed)
        except Erased:
            return NotSentReason.ERASED
        found = address_of(msgspec.json.decode(plain, type=dict[str, Any]), channel)
        return found or NotSentReason.NO_CONTACT
