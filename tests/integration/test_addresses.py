"""Where somebody is written to: by the newest contact, and never "nowhere" by mistake."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contracts.events.contacts import ContactErased
from contracts.events.notify import MessageChannel, NotSentReason
from contracts.wire.codec import encode
from contracts.wire.envelope import Event
from services.intake.contact import Contact
from services.notify.contacts.addresses import Address, Addresses, Destination
from services.notify.contacts.contact import SealedContactDecider
from services.notify.contacts.telling import Recipient
from services.runtime.settings import Settings
from services.shared.citizen_keys import CitizenKeys
from services.shared.master_keys import MasterKeys
from services.shared.one_time_codes import OneTimeCodes
from services.shared.person import citizen
from services.shared.references import References
from services.shared.sealing import Unreadable
from tests.support.older_contacts import older_contact
from tests.support.stage import Stage, a_stage

pytestmark = pytest.mark.integration

MASTERS = MasterKeys({"one": bytes(32)})
NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
BY_MAIL = MessageChannel.EMAIL
CODES = OneTimeCodes(References({1: "tests"}))


async def leaves(stage: Stage, keys: CitizenKeys, who: str, contact: Contact, minute: int) -> None:
    """Somebody leaves a contact, which is on the log then."""
    at = NOW + timedelta(minutes=minute)
    await stage.put_records(encode(await older_contact(keys, who, contact, at)))


def to(who: str, channel: MessageChannel = BY_MAIL) -> Destination:
    """A citizen who is told of a dossier."""
    return Destination(Recipient(citizen(who), channel), "H29.15-260302-0001")


async def test_nobody_is_given_up_as_long_as_a_contact_of_theirs_may_be_on_its_way(
    settings: Settings,
) -> None:
    async with a_stage(settings) as stage:
        actor = await stage.act(stage.cast(SealedContactDecider()))
        keys = CitizenKeys(stage.database.client, MASTERS)
        addresses = Addresses(actor.engine, keys, stage.offsets, CODES)
        mark = stage.name
        erased, by_phone, stranger = f"{mark}-e", f"{mark}-p", f"{mark}-s"
        await leaves(stage, keys, erased, Contact(email="old@x.test"), 1)
        await keys.erase(erased, "asked to", NOW)
        gone = Event(
            "gone", "/tests", erased, NOW + timedelta(minutes=2), ContactErased(reason="r")
        )
        await stage.put_records(encode(gone))
        await leaves(stage, keys, by_phone, Contact(phone="0903123456"), 1)
        await stage.rest()
        people = (erased, by_phone, stranger)
        assert [await addresses.find(to(who)) for who in people] == [
            NotSentReason.ERASED,
            NotSentReason.NO_CONTACT,
            NotSentReason.NO_CONTACT,
        ]

        await actor.leave()
        for who in people:
            await leaves(stage, keys, who, Contact(email=f"{who}@x.test"), 3)
        assert [await addresses.find(to(who)) for who in people] == [None, None, None]

        other = await stage.act(stage.cast(SealedContactDecider()))
        await stage.rest()
        addresses = Addresses(other.engine, keys, stage.offsets, CODES)
        found = [await addresses.find(to(who)) for who in people]
        assert found == [Address(f"{who}@x.test") for who in people]


async def test_of_many_those_who_can_be_written_to_are_found_at_once(settings: Settings) -> None:
    async with a_stage(settings) as stage:
        actor = await stage.act(stage.cast(SealedContactDecider()))
        keys = CitizenKeys(stage.database.client, MASTERS)
        other = CitizenKeys(stage.database.client, MasterKeys({"two": b"2" * 32}))
        mark = stage.name
        both, erased, elsewhere = f"{mark}-b", f"{mark}-x", f"{mark}-o"
        await leaves(stage, keys, both, Contact(email="b@x.test", phone="0903123456"), 1)
        await leaves(stage, keys, erased, Contact(email="x@x.test"), 1)
        await leaves(stage, other, elsewhere, Contact(email="o@x.test"), 1)
        await keys.erase(erased, "asked to", NOW)
        await stage.rest()
        asked = {to(who) for who in (both, erased, f"{mark}-nobody")}
        asked |= {to(both, MessageChannel.SMS), to(both, MessageChannel.WEBHOOK)}
        found = {
            to(both): Address("b@x.test"),
            to(both, MessageChannel.SMS): Address("0903123456"),
        }
        fresh = CitizenKeys(stage.database.client, MASTERS)
        addresses = Addresses(actor.engine, fresh, stage.offsets, CODES)
        assert await addresses.known(asked) == found
        # Of an unknown master key nothing is known at once; who is, is remembered for a while.
        assert await addresses.known({*asked, to(elsewhere)}) == found


async def test_a_master_key_that_is_not_known_here_ends_no_message(settings: Settings) -> None:
    async with a_stage(settings) as stage:
        actor = await stage.act(stage.cast(SealedContactDecider()))
        who = f"{stage.name}-m"
        keys = CitizenKeys(stage.database.client, MASTERS)
        await leaves(stage, keys, who, Contact(email="a@x.test"), 1)
        await stage.rest()
        wrong = CitizenKeys(stage.database.client, MasterKeys({"two": b"2" * 32}))
        with pytest.raises(Unreadable, match="one is not known here"):
            await Addresses(actor.engine, wrong, stage.offsets, CODES).find(to(who))
