"""Who takes which message, and what stands written before it is handed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from services.notify.channels.channel import Channel
from services.notify.contacts.addresses import Address
from services.notify.dossier.fold import ALERTS
from services.notify.sending.handoff_log import Handing
from services.notify.sending.outbox import Due
from services.notify.sending.retries import Tries

log = structlog.get_logger("motcua.sender")


@dataclass(frozen=True)
class Work:
    """A message, and who is to take it."""

    due: Due
    channel: Channel
    provider: str
    bound: bool
    """The provider may have it already: nobody else is asked."""
    noted: bool = False
    """It stands written that the provider may have it."""
    address: Address | None = None
    """Where the recipient is, if that is known by now."""


class Assigning:
    """Chooses for many messages at once, with a few round trips for all of them."""

    def __init__(self, channels: Mapping[str, Channel], handing: Handing, tries: Tries) -> None:
        self._channels = channels
        self._handing = handing
        self._tries = tries

    async def works(self, found: Sequence[Due]) -> list[Work]:
        """Who takes what, written down where it will be asked for."""
        to_note = {due.message.message_id for due in found if self._is_noted(due)}
        known = await self._handing.take_over(to_note) if to_note else {}
        works: list[Work] = []
        fresh: dict[str, str] = {}
        # The first of several may fail: then it is tried by one that nobody has refused yet.
        for due in sorted(found, key=lambda due: self._tries.failures(due.message.message_id)):
            message_id, channel = due.message.message_id, self._channels[due.message.channel]
            before = known.get(message_id)
            if before in channel.names:
                works.append(Work(due, channel, before, bound=True, noted=True))
                continue
            if (provider := channel.pick()) is None:
                self._tries.hold(due.message, channel.opens())
                continue
            if before is not None:
                log.warning("its provider is not set up any more", message_id=message_id)
                await self._handing.move(message_id, before, provider)
            elif message_id in to_note:
                fresh[message_id] = provider
            works.append(Work(due, channel, provider, bound=False, noted=message_id in to_note))
        noted = await self._handing.note(fresh)
        lost = fresh.keys() - noted  # to another instance, which has just handed them over
        return [work for work in works if work.due.message.message_id not in lost]

    def _is_noted(self, due: Due) -> bool:
        """Whether it has to be known of the message, whatever happens, that somebody may have it.

        Where there are several providers, so that only one gets it. And of a notice that may prove
        wrong: if it may have arrived by then, it is told to its end and taken back.
        """
        return self._channels[due.message.channel].several or due.message.template in ALERTS
