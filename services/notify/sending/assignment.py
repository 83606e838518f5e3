"""Which provider gets which message, and what is noted before the hand-off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from services.notify.channels.providers import Providers
from services.notify.contacts.addresses import Address
from services.notify.dossier.fold import ALERTS
from services.notify.sending.handoff_log import HandoffLog
from services.notify.sending.outbox import DueMessage
from services.notify.sending.retries import Retries

log = structlog.get_logger("motcua.sender")


@dataclass(frozen=True)
class Assignment:
    """A message and the provider that it goes to."""

    due: DueMessage
    address: Address
    channel: Providers
    provider: str
    noted: bool
    """Whether the hand-off log says that the provider may have it."""
    bound: bool
    """Whether the provider may have it already: then no other is asked."""


class Assigner:
    """Assigns many messages at once, with a few round trips for all of them."""

    def __init__(
        self, channels: Mapping[str, Providers], handoffs: HandoffLog, retries: Retries
    ) -> None:
        self._channels = channels
        self._handoffs = handoffs
        self._retries = retries

    async def works(self, found: Sequence[tuple[DueMessage, Address]]) -> list[Assignment]:
        """Return the assignments, noted in the hand-off log where necessary.

        What has no address is never noted: no provider can have it, even after a kill.
        """
        to_note = {due.message.message_id for due, _ in found if self._is_noted(due)}
        known = await self._handoffs.take_over(to_note) if to_note else {}
        works: list[Assignment] = []
        fresh: dict[str, str] = {}
        # The first message tries a failing provider: let it be one that has failed least.
        for due, address in sorted(found, key=self._failures):
            message_id, channel = due.message.message_id, self._channels[due.message.channel]
            noted, before = message_id in to_note, known.get(message_id)
            if before in channel.names:
                works.append(Assignment(due, address, channel, before, noted, bound=True))
                continue
            if (provider := channel.pick()) is None:
                self._retries.hold(due.message, channel.opens())
                continue
            if before is not None:
                log.warning("its provider is not set up any more", message_id=message_id)
                await self._handoffs.move(message_id, before, provider)
            elif noted:
                fresh[message_id] = provider
            works.append(Assignment(due, address, channel, provider, noted, bound=False))
        written = await self._handoffs.note(fresh)
        lost = fresh.keys() - written  # to another instance, which has just handed them over
        return [work for work in works if work.due.message.message_id not in lost]

    def _failures(self, found: tuple[DueMessage, Address]) -> int:
        due, _ = found
        return self._retries.failures(due.message.message_id)

    def _is_noted(self, due: DueMessage) -> bool:
        """Return whether the hand-off log must know, whatever happens, that a provider may have it.

        It must if there are several providers, so that only one gets it. And for a notice, which
        may prove wrong: if it may have arrived by then, its end is told and it is taken back.
        """
        return self._channels[due.message.channel].several or due.message.template in ALERTS
