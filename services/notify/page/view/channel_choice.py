"""Which channels the page lets a citizen choose, and that a choice leads to them."""

from __future__ import annotations

from collections.abc import Collection

from contracts.events.notify import MessageChannel
from services.notify.contacts.addresses import Addresses
from services.notify.dossier.policy import Policy
from services.notify.dossier.state import Choice


class OutOfReach(Exception):
    """The citizen left an address, and none for any of the channels that they chose."""


def offered_channels(policy: Policy, choice: Choice | None) -> tuple[MessageChannel, ...]:
    """What can be ticked, in one order always: whatever there is a provider for.

    A webhook is a program's: it is shown where it was chosen, or where the city tells everybody by
    webhook. Where nobody is really told anything, nobody can choose how.
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
    """Whether what the law wants to be told still reaches a citizen who chose so.

    `addressed`: the channels that they left an address for. Who chose nothing that is carried is
    told as the city tells everybody. And who has no address that could be used, or none that is
    known of yet, is reached by no other choice either.
    """
    told_by = policy.carried.intersection(chosen)
    usable = policy.carried.intersection(addressed)
    return not told_by or not usable or bool(told_by & usable)


class ReachCheck:
    """Looks whether citizens can be told things by what they choose."""

    def __init__(self, policy: Policy, addresses: Addresses) -> None:
        self._policy = policy
        self._addresses = addresses

    async def check(self, citizen: str, chosen: Collection[MessageChannel]) -> None:
        """Raises OutOfReach if such a choice would reach nobody, and another one would."""
        found = await self._addresses.known([(citizen, channel) for channel in MessageChannel])
        if not is_reached(self._policy, chosen, {channel for _, channel in found}):
            raise OutOfReach
