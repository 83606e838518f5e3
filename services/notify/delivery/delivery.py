"""What became of each message of a dossier: pending, sent, or not sent and why. Pure."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from contracts.events import notify
from contracts.events.notify import Audience, NotSentReason
from contracts.wire.envelope import Event
from services.notify.dossier.policy import LEGAL


class Receipt(StrEnum):
    """What a provider says about a message that it took."""

    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"


class Delivery(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message."""

    message_id: str
    channel: str
    planned_at: datetime | None = None
    send_at: datetime | None = None
    """The message is not sent before then."""
    expires_at: datetime | None = None
    quiet_from: str | None = None
    quiet_until: str | None = None
    """Nor is it sent between these times of day in Vietnam."""
    takes_back: str | None = None
    """The id of the message that proved wrong."""
    recipient: str | None = msgspec.field(name="citizen", default=None)
    """A citizen's reference or a staff number; still stored as ``citizen``."""
    audience: Audience = Audience.CITIZEN
    template: str | None = None
    locale: str = "vi"
    params: dict[str, str] = {}
    ended_at: datetime | None = None
    not_sent: NotSentReason | None = None
    detail: str | None = None
    provider: str | None = None
    reference: str | None = None
    parts: int = 1
    receipt: Receipt | None = None
    """The provider's delivery receipt, once it came."""

    @property
    def pending(self) -> bool:
        """Whether the message is still to be sent."""
        return self.planned_at is not None and self.ended_at is None

    @property
    def due_at(self) -> datetime | None:
        """When the message may be sent; None if it is not to be sent any more."""
        return (self.send_at or self.planned_at) if self.pending else None


class OptOut(NamedTuple):
    """The citizen opted out, or in again."""

    at: datetime
    opted_out: bool


class Deliveries(msgspec.Struct, frozen=True):
    """All messages of one dossier, by id."""

    messages: dict[str, Delivery] = {}
    pending: int = 0
    """The number of messages still to be sent."""
    next_at: datetime | None = None
    """When the first of these may be sent; an index finds the dossiers that have any."""
    next_on: dict[str, datetime] = {}
    """The same by channel, so that a message for one channel does not hold up another's."""
    opt_outs: tuple[OptOut, ...] = ()
    """Each time that the citizen opted out, or in again, in order."""

    def called_off_at(self, message: Delivery, before: datetime | None = None) -> datetime | None:
        """Return when the citizen opted out of the message; None if it is still to be told.

        Their last choice counts; with `before`, their last choice before then.
        """
        if message.audience is not Audience.CITIZEN or message.template in LEGAL:
            return None
        known = [change for change in self.opt_outs if before is None or change.at < before]
        if message.planned_at is None or not known or not known[-1].opted_out:
            return None
        return known[-1].at if known[-1].at >= message.planned_at else None


def deliveries_after(state: Deliveries, fact: Event) -> Deliveries:
    """Return the deliveries after a fact about one of them. An end stands, whatever comes later."""
    data = fact.data
    replace = msgspec.structs.replace
    match data:
        case notify.OptOutSet():
            changes = {*state.opt_outs, OptOut(fact.time, data.opted_out)}
            return replace(state, opt_outs=tuple(sorted(changes)))
        case notify.MessagePlanned():
            known = _known(state, data.message_id, data.channel)
            if known.planned_at is not None and known.ended_at is not None:
                return state  # what was told stays as it was told
            message = replace(
                known,
                planned_at=fact.time,
                send_at=data.send_at,
                expires_at=data.expires_at,
                quiet_from=data.quiet_from,
                quiet_until=data.quiet_until,
                takes_back=data.takes_back,
                recipient=data.recipient,
                audience=data.audience,
                template=data.template,
                locale=data.locale,
                params=data.params,
            )
        case notify.MessageSent() | notify.MessageNotSent():
            known = _known(state, data.message_id, data.channel)
            if known.ended_at is not None:
                return state
            message = replace(known, ended_at=fact.time)
            if isinstance(data, notify.MessageNotSent):
                message = replace(message, not_sent=data.reason, detail=data.detail)
            else:
                message = replace(
                    message, provider=data.provider, reference=data.reference, parts=data.parts
                )
        case notify.MessageDelivered() | notify.MessageUndelivered():
            # A delivery receipt can overtake our own record of the sending.
            found = _known(state, data.message_id, "")
            if found.receipt is Receipt.DELIVERED:
                return state  # it arrived, whatever a receipt that comes later says
            if isinstance(data, notify.MessageUndelivered):
                detail = found.detail if found.not_sent else data.reason
                message = replace(found, receipt=Receipt.UNDELIVERED, detail=detail)
            else:
                # An earlier receipt's reason no longer holds; our own reason stays.
                detail = found.detail if found.not_sent else None
                message = replace(found, receipt=Receipt.DELIVERED, detail=detail)
        case _:
            return state
    messages = {**state.messages, message.message_id: message}
    next_on: dict[str, datetime] = {}
    waiting = 0
    for message in messages.values():
        if (due_at := message.due_at) is not None:
            waiting += 1
            next_on[message.channel] = min(next_on.get(message.channel, due_at), due_at)
    # In a fixed order, whatever came first: states are compared.
    next_on = dict(sorted(next_on.items()))
    next_at = min(next_on.values(), default=None)
    return Deliveries(messages, waiting, next_at, next_on, state.opt_outs)


def _known(state: Deliveries, message_id: str, channel: str) -> Delivery:
    found = state.messages.get(message_id) or Delivery(message_id, channel)
    return found if found.channel else msgspec.structs.replace(found, channel=channel)
