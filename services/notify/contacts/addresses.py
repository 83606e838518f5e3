"""Where a recipient is reached on a channel."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import msgspec

from contracts.events.notify import MessageChannel, NotSentReason
from services.notify.contacts.contact import SealedContact
from services.notify.contacts.telling import Recipient, Which, change_of
from services.runtime import Engine, Offsets, group_of, state_of
from services.shared.citizen_keys import CitizenKeys, Erased, Kept
from services.shared.one_time_codes import OneTimeCodes
from services.shared.person import PersonKind, citizen, of_a_dossier

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
    code: str | None = field(default=None, repr=False)
    """The one-time code that is sent there, if any."""
    found_at: float = field(default_factory=time.monotonic, compare=False)

    @property
    def fresh(self) -> bool:
        """Whether it was just looked up. An erased person must soon get no more messages."""
        return time.monotonic() - self.found_at < FRESH_SECONDS


class Destination(NamedTuple):
    """Who is told, and what of."""

    recipient: Recipient
    about: str
    """The message's subject: what was left with a dossier is good for that one alone."""


def address_of(contact: Mapping[str, Any], channel: MessageChannel) -> Address | None:
    """Return the address for the channel in an opened contact; None if they left none."""
    for name in _FIELDS.get(channel, ()):
        if found := contact.get(name):
            return Address(str(found), contact.get(f"{name}_secret"))
    return None


def subjects_of(destination: Destination) -> tuple[str, ...]:
    """Return the subjects of all contacts that may be used for a message, in the order in which
    what was left there is used."""
    whose, _, which = destination.recipient
    if which is not Which.COUNTING:
        return (whose.subject,)
    older = whose.ref  # before there were namespaces
    if whose.kind is PersonKind.STAFF:
        return whose.subject, older
    return of_a_dossier(destination.about), whose.subject, older


def usable(
    destination: Destination, known: Mapping[str, SealedContact]
) -> tuple[list[Kept], str | None]:
    """Return the contacts in which the address may stand, and the seed of the code that is sent
    there.

    As long as anything is proven, nothing that was left is looked into. Of that, what was left with
    this very dossier comes first, and no more than one is looked into.
    """
    whose, _, which = destination.recipient
    own = known.get(whose.subject, _NOTHING)
    if which is not Which.COUNTING:
        change = own.changes.get(change_of(destination.about) or "")
        if change is None:
            return [], None
        if which is Which.NEW:
            return [Kept(whose.subject, change.new)], change.seed
        return [Kept(whose.subject, sealed) for sealed in change.before.values()], None
    if own.proven:
        return [Kept(whose.subject, sealed) for sealed in own.proven.values()], None
    for subject in subjects_of(destination):
        contact = known.get(subject, _NOTHING)
        if contact.left is not None:
            owner = citizen(contact.citizen).subject if contact.citizen else subject
            return [Kept(owner, contact.left)], None
    return [], None


_NOTHING = SealedContact()


class Addresses:
    """Opens the sealed contacts of citizens and officers."""

    def __init__(
        self,
        contacts: Engine[SealedContact],
        keys: CitizenKeys,
        offsets: Offsets,
        codes: OneTimeCodes | None = None,
    ) -> None:
        """`codes`: None for who sends nobody a one-time code."""
        self._contacts = contacts
        self._keys = keys
        self._offsets = offsets
        self._codes = codes

    async def known(self, destinations: Collection[Destination]) -> dict[Destination, Address]:
        """Return the addresses of those who have one; `find` says why the others have none.

        It takes a few round trips for all: one by one, they would be most of a message's cost.
        """
        contacts = await self._kept({s for each in destinations for s in subjects_of(each)})
        found = {each: usable(each, contacts) for each in destinations}
        opened = await self._keys.open_all({one for kept, _ in found.values() for one in kept})
        return {
            each: address
            for each, (kept, seed) in found.items()
            if (address := self._address(each, (opened.get(one) for one in kept), seed))
        }

    async def find(self, destination: Destination) -> Address | NotSentReason | None:
        """Return the address, or why there is none; None while a contact may still be on its way.

        Raise Unreadable for a contact that does not open though its key is there: this process
        lacks the master key, and that ends no message.
        """
        found = await self._known(destination)
        if isinstance(found, Address):
            return found
        decider = self._contacts.decider
        if await self._offsets.behind(group_of(decider.name, decider.topic), decider.topic):
            return None
        # It may have been folded between the look-up and the question.
        return await self._known(destination)

    async def _known(self, destination: Destination) -> Address | NotSentReason:
        contacts = await self._kept(set(subjects_of(destination)))
        kept, seed = usable(destination, contacts)
        if not kept:
            erased = any(contact.erased_at for contact in contacts.values())
            return NotSentReason.ERASED if erased else NotSentReason.NO_CONTACT
        try:
            plain = [await self._keys.open(one.owner, *one.sealed) for one in kept]
        except Erased:
            return NotSentReason.ERASED
        return self._address(destination, plain, seed) or NotSentReason.NO_CONTACT

    async def _kept(self, subjects: Collection[str]) -> dict[str, SealedContact]:
        documents = await self._contacts.store.get_all(set(subjects))
        return {who: state_of(document, SealedContact) for who, document in documents.items()}

    def _address(
        self, destination: Destination, opened: Iterable[bytes | None], seed: str | None
    ) -> Address | None:
        contact: dict[str, Any] = {}
        for plain in opened:
            if plain is not None:
                contact |= msgspec.json.decode(plain, type=dict[str, Any])
        found = address_of(contact, destination.recipient.channel)
        if found is None or seed is None:
            return found
        assert self._codes is not None, "a message with a code is sent by who can make it"
        return replace(found, code=self._codes.code(seed))
