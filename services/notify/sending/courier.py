"""Carries one message: finds the address, hands it off to a provider, and reports the outcome."""

from __future__ import annotations

import time
from collections.abc import Callable

from contracts.events import notify
from contracts.events.notify import MessageChannel, NotSentReason
from services.notify.channels.provider import MaybeTaken, NotTaken, Outgoing, Rejected
from services.notify.contacts.addresses import Address, Addresses
from services.notify.delivery.recipient import recipient_of
from services.notify.sending.assignment import Assignment
from services.notify.sending.handoff_log import HandoffLog
from services.notify.sending.outbox import DueMessage
from services.notify.sending.reporter import Reporter, not_sent
from services.notify.sending.retries import Retries
from services.notify.sending.unreachable import UnreachableRecipients
from services.notify.wording.renderer import ONE_TIME_CODE, Renderer
from services.runtime import Faults, Point


class _Nowhere(Exception):
    """There is no address, for a reason; None: a contact may be on its way."""

    def __init__(self, reason: NotSentReason | None) -> None:
        super().__init__(reason)
        self.reason = reason


class Courier:
    """Carries messages. Used by several tasks at once, each with its own message."""

    def __init__(
        self,
        renderer: Callable[[], Renderer],
        addresses: Addresses,
        handoffs: HandoffLog,
        reporter: Reporter,
        retries: Retries,
        unreachable: UnreachableRecipients,
        faults: Faults,
    ) -> None:
        self._renderer = renderer
        self._addresses = addresses
        self._handoffs = handoffs
        self._reporter = reporter
        self._retries = retries
        self._unreachable = unreachable
        self._faults = faults

    async def carry(self, work: Assignment, may_go: Callable[[], bool]) -> None:
        """Carry a message until it has ended or was put off.

        Ask `may_go` before anything leaves, without waiting in between. Raise what broker or
        database raise while they are away.
        """
        self._faults.passing(Point.MESSAGE_PICKED)
        try:
            await self._hand(work, may_go)
        except _Nowhere as nowhere:
            await self._set_free(work)
            await self._nowhere(work.due, nowhere.reason, may_go)

    async def look_up(self, due: DueMessage, may_go: Callable[[], bool]) -> None:
        """End a message whose recipient has no address; put it off if there is one by now.

        Raise what broker or database raise while they are away.
        """
        self._faults.passing(Point.MESSAGE_PICKED)
        try:
            await self._address(due)
        except _Nowhere as nowhere:
            await self._nowhere(due, nowhere.reason, may_go)
        else:
            self._retries.hold(due.message, 0.0)

    async def _nowhere(
        self, due: DueMessage, reason: NotSentReason | None, may_go: Callable[[], bool]
    ) -> None:
        if reason is None:
            self._retries.hold(due.message)
        elif may_go():
            await self._reporter.report(due, not_sent(due.message, reason))

    async def _address(self, due: DueMessage) -> Address:
        found = await self._addresses.find(due.destination)
        if not isinstance(found, Address):
            raise _Nowhere(found)
        return found

    async def _hand(self, work: Assignment, may_go: Callable[[], bool]) -> None:
        due, message, address = work.due, work.due.message, work.address
        assert message.template is not None
        params = message.params
        if address.code is not None:
            params = {**params, ONE_TIME_CODE: address.code}
        text = self._renderer().render(message.template, message.locale, due.dossier, params)

        async def write() -> Outgoing:
            # It may have waited long: the recipient may have a new address, or be erased.
            to = address if address.fresh else await self._address(due)
            return Outgoing(message.message_id, due.dossier, to.to, text, to.secret)

        receiver = recipient_of(message)
        again = self._retries.failures(message.message_id) > 0
        tried: frozenset[str] = frozenset()
        provider: str | None = work.provider
        while provider is not None:
            try:
                accepted = await work.channel.hand(provider, write, may_go, again=again)
            except Rejected as error:
                await self._set_free(work)
                end = not_sent(message, NotSentReason.REJECTED, str(error))
                await self._reporter.report(due, end)
                return
            except MaybeTaken as error:
                unreached = work.channel.of_receiver(error)
                if unreached and (not again or self._unreachable.doubted(receiver)):
                    self._unreachable.failed(receiver, time.monotonic())
                self._retries.put_off(
                    message,
                    f"{provider}: {error}",
                    repeats=not work.channel.keyed(provider),
                    unreached=unreached,
                )
                return
            except NotTaken as error:
                tried |= {provider}
                refused, provider = provider, await self._another(work, provider, tried)
                if provider is None:
                    after = error.retry_after or 0.0
                    unreached = work.channel.of_receiver(error)
                    if unreached and (not again or self._unreachable.doubted(receiver)):
                        self._unreachable.failed(receiver, time.monotonic(), after)
                    self._retries.put_off(
                        message, f"{refused}: {error}", after, unreached=unreached
                    )
                continue
            if accepted is None:
                return  # another instance's by now, or this one stops
            self._unreachable.reached(receiver)
            self._faults.passing(Point.MESSAGE_ACCEPTED)
            sent = notify.MessageSent(
                message_id=message.message_id,
                channel=MessageChannel(message.channel),
                provider=accepted.provider,
                reference=accepted.reference,
                parts=accepted.parts,
                wording=text.version,
            )
            await self._reporter.report(due, sent)
            if work.noted:
                self._handoffs.over(message.message_id)
            return

    async def _another(self, work: Assignment, refused: str, tried: frozenset[str]) -> str | None:
        """Return another provider for a message that was not taken; None if there is none now."""
        if work.bound or not work.noted:
            return None
        message_id = work.due.message.message_id
        other = work.channel.pick(tried)
        if other is None:
            await self._set_free(work)
            return None
        return other if await self._handoffs.move(message_id, refused, other) else None

    async def _set_free(self, work: Assignment) -> None:
        """Strike out the note of a message that no provider has.

        The next search may choose its provider again. And it is done before its end is told: with
        both the end on the log and the note, after a kill, nobody could say that it never arrived.
        """
        if work.noted and not work.bound:
            await self._handoffs.strike_out([work.due.message.message_id])
