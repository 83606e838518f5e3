"""What people are told of a change of their own contact data, and where. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from contracts.events.contacts import AddressKind, ContactChangeAsked
from contracts.events.notify import Audience, MessageChannel, MessagePlanned
from contracts.values import Locale
from contracts.wire.envelope import Event, derive_id
from services.notify.dossier.params import local
from services.notify.wording.template import Template
from services.shared.person import Person, PersonKind, citizen, staff

_LASTS = timedelta(days=30)
"""How long it is tried to tell somebody that their contact data was changed."""
_PREFIX = "contact-"

CHANNELS = {
    AddressKind.EMAIL: MessageChannel.EMAIL,
    AddressKind.PHONE: MessageChannel.SMS,
    AddressKind.ZALO: MessageChannel.ZALO,
    AddressKind.WEBHOOK: MessageChannel.WEBHOOK,
}
"""By which a person is reached at an address of a kind."""


class Which(StrEnum):
    """Which of a person's addresses a message goes to."""

    COUNTING = "counting"
    """The one that counts when it is sent."""
    NEW = "new"
    """The one that a change is to bring: it gets the code, and nothing else."""
    BEFORE = "before"
    """One that counted when the change was asked for, whatever counts by now."""


_WHICH: dict[str, Which] = {
    Template.CONTACT_CODE: Which.NEW,
    Template.CONTACT_ASKED: Which.BEFORE,
    Template.CONTACT_CHANGED: Which.BEFORE,
}


class Recipient(NamedTuple):
    """Who is told, by what channel, and at which of their addresses."""

    whose: Person
    channel: MessageChannel
    which: Which = Which.COUNTING


def recipient(
    ref: str, audience: Audience, channel: MessageChannel, template: str | None = None
) -> Recipient:
    """Return the recipient of a message: its audience says whether the reference is a citizen's."""
    whose = citizen(ref) if audience is Audience.CITIZEN else staff(ref)
    return Recipient(whose, channel, _WHICH.get(template or "", Which.COUNTING))


def change_of(subject: str) -> str | None:
    """Return the id of the change that messages with that subject are about; None for others."""
    return subject.removeprefix(_PREFIX) if subject.startswith(_PREFIX) else None


def code_message(whose: Person, fact: Event, asked: ContactChangeAsked) -> MessagePlanned:
    """Return the message with the one-time code. It is made into words, code and all, only when it
    is sent."""
    return _message(
        whose,
        fact,
        asked.change,
        CHANNELS[asked.address],
        Template.CONTACT_CODE,
        asked.locale,
    ).model_copy(
        update={"expires_at": asked.expires_at, "params": {"until": local(asked.expires_at)}}
    )


def told_of_change(
    whose: Person, fact: Event, asked: ContactChangeAsked, before: Iterable[str]
) -> Sequence[MessagePlanned]:
    """Return what the addresses that count are told: a change was asked for."""
    return [
        _message(
            whose,
            fact,
            asked.change,
            CHANNELS[AddressKind(kind)],
            Template.CONTACT_ASKED,
            asked.locale,
        )
        for kind in before
    ]


def told_of_proof(
    whose: Person, fact: Event, change: str, locale: str, before: Iterable[str]
) -> Sequence[MessagePlanned]:
    """Return what the addresses that counted are told: the change was made."""
    return [
        _message(
            whose,
            fact,
            change,
            CHANNELS[AddressKind(kind)],
            Template.CONTACT_CHANGED,
            Locale(locale),
        )
        for kind in before
    ]


def _message(
    whose: Person,
    fact: Event,
    change: str,
    channel: MessageChannel,
    template: Template,
    locale: Locale,
) -> MessagePlanned:
    return MessagePlanned(
        message_id=derive_id("message", change, template, channel),
        cause_id=fact.id,
        channel=channel,
        template=template,
        locale=locale,
        recipient=whose.ref,
        audience=Audience.CITIZEN if whose.kind is PersonKind.CITIZEN else Audience.OFFICER,
        change=f"{_PREFIX}{change}",
        expires_at=fact.time + _LASTS,
    )
