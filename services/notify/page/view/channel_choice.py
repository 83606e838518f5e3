"""Which channels the page offers a citizen, and whether a choice reaches them."""

from __future__ import annotations

from collections.abc import Collection

from contracts.events.notify import MessageChannel
from services.notify.contacts.addresses import Addresses, Destination
from services.notify.contacts.telling import Recipient
from services.notify.dossier.policy import Policy
from services.notify.dossier.state import Choice
from services.shared.person import citizen


class OutOfReach(Exception):
    """The citizen left an address, but none for any of the channels that they chose."""


def offered_channels(policy: Policy, choice: Choice | None) -> tuple[MessageChannel, ...]:
    """Return the channels that can be ticked, in a fixed order: those that have a provider.

    A webhook is for programs: it is offered only if it was chosen or is one of the city's channels.
    Where messages are only written down, nothing is offered.
    """
    if policy.channels == (MessageChannel.LEDGER,):
        return ()
    in_use = {*policy.channels, *(choice.channels if choice else ())}
    return tuple(
        channel
        for channel in MessageChannel
        if channel in policy.carried
        and (channel is not MessageChannel.WEBHOOK or channel in in_use)
    )


def is_reached(
    policy: Policy, chosen: Collection[MessageChannel], addressed: Collection[MessageChannel]
) -> bool:
    """Return whether what the law demands still reaches a citizen with this choice.

    `addressed`: the channels that they left an address for. Without a channel that has a provider,
    the choice gives way to the city's channels. A citizen without a usable address, or with none
    known yet, would be reached by no other choice either.
    """
    told_by = policy.carried.intersection(chosen)
    usable = policy.carried.intersection(addressed)
    return not told_by or not usable or bool(told_by & usable)


class ReachCheck:
    """Checks whether citizens can be told things by what they choose."""

    def __init__(self, policy: Policy, addresses: Addresses) -> None:
        self._policy = policy
        self._addresses = addresses

    async def check(self, code: str, who: str, chosen: Collection[MessageChannel]) -> None:
        """Raise OutOfReach if the choice would not reach the dossier's citizen, and another one
        would."""
        found = await self._addresses.known(
            [Destination(Recipient(citizen(who), channel), code) for channel in MessageChannel]
        )
        if not is_reached(self._policy, chosen, {each.recipient.channel for each in found}):
            raise OutOfReach
